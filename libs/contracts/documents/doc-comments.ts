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
  return new Map(files.flatMap((name) => commentsOf(join(SOURCE, name))));
}

function commentsOf(file: string): [string, ReadonlyMap<string, string>][] {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  return source.statements.filter(ts.isClassDeclaration).flatMap((declaration) => {
    if (!declaration.name) return [];
    const members = declaration.members.filter(ts.isPropertyDeclaration);
    const comments = [['', commentOf(declaration)], ...members.map((member) => [nameOf(member), commentOf(member)])];
    const said = comments.filter((comment): comment is [string, string] => comment[1] !== undefined);
    return [[declaration.name.text, new Map(said)]];
  });
}

function nameOf({ name }: ts.PropertyDeclaration): string {
  return ts.isIdentifier(name) || ts.isStringLiteral(name) ? name.text : name.getText();
}

function commentOf(node: ts.Node): string | undefined {
  const [comment] = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc);
  const text = comment && ts.getTextOfJSDocComment(comment.comment);
  return text?.replace(/\s+/g, ' ').trim();
}
