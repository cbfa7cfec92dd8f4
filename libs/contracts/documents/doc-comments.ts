/** The doc comments of the contracts' classes and fields: what the documents say about them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const SOURCE = fileURLToPath(new URL('../src', import.meta.url));

/** By class, its comment under the empty name and those of its fields under theirs. */
export type DocComments = ReadonlyMap<string, ReadonlyMap<string, string>>;

export function docComments(): DocComments {
  const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  const classes = new Map(files.flatMap((name) => classesOf(join(SOURCE, name))));
  return new Map([...classes.keys()].map((name) => [name, commentsOf(name, classes)]));
}

function classesOf(file: string): [string, ts.ClassDeclaration][] {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  const classes = source.statements.filter(ts.isClassDeclaration);
  return classes.flatMap((declaration) => (declaration.name ? [[declaration.name.text, declaration]] : []));
}

/** Its own comments, and those of the fields that it has from the class it extends. */
function commentsOf(name: string, classes: ReadonlyMap<string, ts.ClassDeclaration>): ReadonlyMap<string, string> {
  const declaration = classes.get(name);
  if (!declaration) return new Map();
  const parent = declaration.heritageClauses?.[0]?.types[0]?.expression.getText();
  const inherited = parent ? [...commentsOf(parent, classes)].filter(([field]) => field !== '') : [];
  const members = declaration.members.filter(ts.isPropertyDeclaration);
  const comments = [['', commentOf(declaration)], ...members.map((member) => [nameOf(member), commentOf(member)])];
  const said = comments.filter((comment): comment is [string, string] => comment[1] !== undefined);
  return new Map([...inherited, ...said]);
}

function nameOf({ name }: ts.PropertyDeclaration): string {
  return ts.isIdentifier(name) || ts.isStringLiteral(name) ? name.text : name.getText();
}

function commentOf(node: ts.Node): string | undefined {
  const [comment] = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc);
  const text = comment && ts.getTextOfJSDocComment(comment.comment);
  return text?.replace(/\s+/g, ' ').trim();
}
