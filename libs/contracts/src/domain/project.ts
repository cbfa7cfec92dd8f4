/** A project: the prompt that jobs can be asked for with. Pure; its last event is the project. */
import type { ProjectCreated } from '../events/project-events.js';
import type { ProjectEventData, Proposed, Recorded } from '../events/registry.js';

export type Project = ProjectCreated;
export type ProjectEvent = Recorded<keyof ProjectEventData>;

/** What a change may say. Null takes a value away; what is left out stays. */
export interface ProjectChanges {
  readonly originalPrompt?: string;
  readonly enhancedPrompt?: string | null;
  readonly characterId?: string | null;
}

/** `unchanged`: the project says so already. */
export type ProjectRefusal = 'already_exists' | 'unknown_project' | 'unchanged';
export type ProjectDecision =
  | { readonly decided: 'append'; readonly event: Proposed<keyof ProjectEventData> }
  | { readonly decided: 'refuse'; readonly reason: ProjectRefusal };

/** The project that its last event tells; undefined when there was none or it was deleted. */
export function projectOf(last: ProjectEvent | undefined): Project | undefined {
  return last === undefined || last.type === 'ProjectDeleted' ? undefined : last.data;
}

/** The prompt that a project gives its jobs. */
export function promptForJobs({ enhancedPrompt, originalPrompt }: Project): string {
  return (enhancedPrompt ?? originalPrompt).text;
}

/** A deleted project's id is not used again. */
export function createProject(last: ProjectEvent | undefined, project: Project): ProjectDecision {
  return last ? refuse('already_exists') : append('ProjectCreated', project);
}

export function changeProject(last: ProjectEvent | undefined, changes: ProjectChanges): ProjectDecision {
  const project = projectOf(last);
  if (!project) return refuse('unknown_project');
  const changed = changedBy(project, changes);
  return isSame(project, changed) ? refuse('unchanged') : append('ProjectChanged', changed);
}

export function deleteProject(last: ProjectEvent | undefined): ProjectDecision {
  const project = projectOf(last);
  return project ? append('ProjectDeleted', project) : refuse('unknown_project');
}

function changedBy(project: Project, { originalPrompt, enhancedPrompt, characterId }: ProjectChanges): Project {
  return {
    ...project,
    ...(originalPrompt === undefined ? {} : { originalPrompt: { text: originalPrompt } }),
    ...(enhancedPrompt === undefined
      ? {}
      : { enhancedPrompt: enhancedPrompt === null ? undefined : { text: enhancedPrompt } }),
    ...(characterId === undefined ? {} : { characterId: characterId ?? undefined }),
  };
}

function isSame(one: Project, other: Project): boolean {
  return (
    one.originalPrompt.text === other.originalPrompt.text &&
    one.enhancedPrompt?.text === other.enhancedPrompt?.text &&
    one.characterId === other.characterId
  );
}

function append<T extends keyof ProjectEventData>(type: T, data: ProjectEventData[T]): ProjectDecision {
  return { decided: 'append', event: { type, data } as Proposed<keyof ProjectEventData> };
}

function refuse(reason: ProjectRefusal): ProjectDecision {
  return { decided: 'refuse', reason };
}
