import { describe, expect, it } from 'vitest';
import {
  changeProject,
  createProject,
  deleteProject,
  type Project,
  type ProjectDecision,
  type ProjectEvent,
  projectOf,
  promptForJobs,
} from '#contracts/domain/project.js';

const PROJECT: Project = {
  projectId: '01890000-0000-7000-8000-000000000000',
  accountKey: 'a'.repeat(32),
  originalPrompt: { text: 'a lighthouse' },
  createdAt: '2026-01-01T00:00:00.000Z',
};

function stored(decision: ProjectDecision): ProjectEvent {
  if (decision.decided !== 'append') throw new Error(decision.reason);
  return { ...decision.event, id: 'e', time: PROJECT.createdAt, sequence: 1 } as ProjectEvent;
}

const created = stored(createProject(undefined, PROJECT));
const changed = stored(changeProject(created, { enhancedPrompt: 'mist over the sea', characterId: PROJECT.projectId }));
const deleted = stored(deleteProject(changed));

describe('given nothing', () => {
  it('create › is the project', () => expect(projectOf(created)).toEqual(PROJECT));
  it.each([
    ['change', changeProject(undefined, { originalPrompt: 'x' })],
    ['delete', deleteProject(undefined)],
  ])('%s › there is no project', (_, decision) => {
    expect(decision).toEqual({ decided: 'refuse', reason: 'unknown_project' });
  });
});

describe('given a project', () => {
  it('create › it is there already', () => {
    expect(createProject(created, PROJECT)).toEqual({ decided: 'refuse', reason: 'already_exists' });
  });

  it('change › what is named changes, the rest stays', () => {
    expect(projectOf(changed)).toEqual({
      ...PROJECT,
      enhancedPrompt: { text: 'mist over the sea' },
      characterId: PROJECT.projectId,
    });
    expect(projectOf(stored(changeProject(changed, { originalPrompt: 'y' })))).toMatchObject({
      originalPrompt: { text: 'y' },
      enhancedPrompt: { text: 'mist over the sea' },
    });
  });

  it('change to null › takes away', () => {
    const cleared = stored(changeProject(changed, { enhancedPrompt: null, characterId: null }));
    expect(JSON.parse(JSON.stringify(projectOf(cleared)))).toEqual(PROJECT);
  });

  it.each([{}, { originalPrompt: 'a lighthouse' }, { enhancedPrompt: null }, { characterId: null }])(
    'change to %j, which it is › nothing happens',
    (changes) => {
      expect(changeProject(created, changes)).toEqual({ decided: 'refuse', reason: 'unchanged' });
    },
  );

  it('jobs › take its enhanced prompt, else its original one', () => {
    expect([created, changed].map(({ data }) => promptForJobs(data))).toEqual(['a lighthouse', 'mist over the sea']);
  });
});

describe('given a deleted project', () => {
  it('is none, and tells as what it was deleted', () => {
    expect(projectOf(deleted)).toBeUndefined();
    expect(deleted.data).toEqual(projectOf(changed));
  });

  it.each([
    ['create', createProject(deleted, PROJECT), 'already_exists'],
    ['change', changeProject(deleted, { originalPrompt: 'x' }), 'unknown_project'],
    ['delete', deleteProject(deleted), 'unknown_project'],
  ])('%s › is refused', (_, decision, reason) => {
    expect(decision).toEqual({ decided: 'refuse', reason });
  });
});
