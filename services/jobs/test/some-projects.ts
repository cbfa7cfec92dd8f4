/** Projects to test with: what the gateway stores, made short. */
import { createProject, deleteProject, type Project } from '#contracts/domain/project.js';
import type { ProjectEventData } from '#contracts/events/registry.js';
import { accountKeyOf, newProjectId } from '#contracts/ids.js';
import { ACCOUNT_STREAM } from '#contracts/streams.js';
import { projectSubject } from '#contracts/subjects.js';
import type { Bus } from '#eventing/bus.js';
import { SubjectStore } from '#eventing/subject-store.js';

/** Every project of a test run has a time of its own: lists are in the order of time. */
let lastCreated = Date.parse('2026-01-02T00:00:00.000Z');

export function aProject(over: Partial<Project> = {}): Project {
  lastCreated += 1_000;
  return {
    projectId: newProjectId(),
    accountKey: accountKeyOf('alice'),
    originalPrompt: { text: 'a lighthouse' },
    createdAt: new Date(lastCreated).toISOString(),
    ...over,
  };
}

export async function storeProject(bus: Bus, project: Project = aProject()): Promise<Project> {
  await projectsOn(bus).execute(placeOf(project), (last) => createProject(last, project));
  return project;
}

export async function removeProject(bus: Bus, project: Project): Promise<void> {
  await projectsOn(bus).execute(placeOf(project), deleteProject);
}

function projectsOn(bus: Bus): SubjectStore<keyof ProjectEventData> {
  return new SubjectStore(bus, ACCOUNT_STREAM);
}

function placeOf({ accountKey, projectId }: Project) {
  return { subject: projectSubject(accountKey, projectId), subjectId: projectId };
}
