import { Injectable } from '@nestjs/common';
import {
  changeProject,
  createProject,
  deleteProject,
  type Project,
  type ProjectChanges,
  type ProjectDecision,
  type ProjectEvent,
  projectOf,
} from '#contracts/domain/project.js';
import type { ProjectEventData } from '#contracts/events/registry.js';
import { isUuid, newProjectId, projectIdForKey } from '#contracts/ids.js';
import { PROJECT_KIB_PER_HOUR, PROJECT_STREAM_SHARE, PROJECTS_MAX } from '#contracts/limits.js';
import { ACCOUNT_STREAM } from '#contracts/streams.js';
import { projectSubject } from '#contracts/subjects.js';
import { Bus } from '#eventing/bus.js';
import { isOutage } from '#eventing/errors.js';
import { LogReader } from '#eventing/log-reader.js';
import { ask } from '#eventing/request-reply.js';
import { SubjectStore } from '#eventing/subject-store.js';
import type { Caller } from '../auth/token-verifier.js';
import { ApiError } from '../http/api-error.js';
import type { Keyed } from '../jobs/idempotency.js';
import { HourlyBudget } from '../limits/hourly-budget.js';
import { unlessAway } from '../unless-away.js';
import type { ProjectWish } from './project-bodies.js';

export interface Created {
  readonly project: Project;
  /** Whether an earlier request with the same key had made the project. */
  readonly replayed: boolean;
}

/** A caller's projects, as their last events tell them: what was stored can be read at once. */
@Injectable()
export class Projects {
  private readonly store: SubjectStore<keyof ProjectEventData>;
  private readonly log: LogReader;
  private readonly budget = new HourlyBudget(PROJECT_KIB_PER_HOUR, 'KiB of projects');

  constructor(private readonly bus: Bus) {
    this.store = new SubjectStore(bus, ACCOUNT_STREAM);
    this.log = new LogReader(bus, ACCOUNT_STREAM.name);
  }

  /** @throws ApiError `unknown_project` also for another user's, and for one that was deleted. */
  async find(accountKey: string, projectId: string): Promise<Project> {
    const project = projectOf(await this.last(accountKey, projectId));
    if (!project) throw new ApiError('unknown_project');
    return project;
  }

  /** @throws ApiError `project_limit`, `idempotency_key_reuse`, `rate_limited`, `projects_unavailable`, `lists_unavailable` */
  async create(wish: ProjectWish, { accountKey }: Caller, traceparent: string, keyed?: Keyed): Promise<Created> {
    const projectId = keyed ? projectIdForKey(accountKey, keyed.key) : newProjectId();
    const first = keyed && (await this.last(accountKey, projectId));
    if (first) return replay(first, keyed);
    const project = newProject(projectId, accountKey, wish, keyed?.requestHash);
    await this.checkRoom(project);
    await this.checkNumber(accountKey);
    const result = await this.decide(project, (last) => createProject(last, project), traceparent);
    if (result.outcome === 'appended') return { project: result.event.data, replayed: false };
    if (!keyed || !result.reading.event) throw new Error('a new project was refused although its id is new');
    return replay(result.reading.event, keyed);
  }

  /** @throws ApiError `unknown_project`, `rate_limited`, `projects_unavailable` */
  async change(
    projectId: string,
    changes: ProjectChanges,
    { accountKey }: Caller,
    traceparent: string,
  ): Promise<Project> {
    const project = await this.find(accountKey, projectId);
    await this.checkRoom(project);
    const result = await this.decide(project, (last) => changeProject(last, changes), traceparent);
    const now = projectOf(result.outcome === 'appended' ? result.event : result.reading.event);
    if (!now) throw new ApiError('unknown_project');
    return now;
  }

  /** @throws ApiError `unknown_project` */
  async delete(projectId: string, { accountKey }: Caller, traceparent: string): Promise<void> {
    const project = await this.find(accountKey, projectId);
    const result = await this.decide(project, deleteProject, traceparent);
    if (result.outcome === 'refused') throw new ApiError('unknown_project');
  }

  private async last(accountKey: string, projectId: string): Promise<ProjectEvent | undefined> {
    if (!isUuid(projectId)) return undefined;
    const { event } = await this.unlessOut(() => this.store.read(projectSubject(accountKey, projectId)));
    return event;
  }

  private decide(
    { accountKey, projectId }: Project,
    decide: (last: ProjectEvent | undefined) => ProjectDecision,
    traceparent: string,
  ) {
    const place = { subject: projectSubject(accountKey, projectId), subjectId: projectId };
    return this.unlessOut(() => this.store.execute(place, decide, { traceparent }));
  }

  /** Credits lie in the same stream, which forgets nothing: projects leave room for them, and users for one another. */
  private async checkRoom(project: Project): Promise<void> {
    this.budget.spend(project.accountKey, Math.ceil(Buffer.byteLength(JSON.stringify(project)) / 1024), Date.now());
    const { bytes, maxBytes } = await this.unlessOut(() => this.log.position());
    if (maxBytes <= 0 || bytes < maxBytes * PROJECT_STREAM_SHARE) return;
    throw new ApiError('projects_unavailable', { details: 'the stream has no room for projects' });
  }

  /** The list may be some moments behind, and the limit exceeded by what was created in them. */
  private async checkNumber(accountKey: string): Promise<void> {
    const { count } = await ask(this.bus, 'projects.count', { accountKey });
    if (count >= PROJECTS_MAX) throw new ApiError('project_limit', { details: `a user may have ${PROJECTS_MAX}` });
  }

  private async unlessOut<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await unlessAway(this.bus, work);
    } catch (error) {
      if (isOutage(error)) throw new ApiError('projects_unavailable', { cause: error });
      throw error;
    }
  }
}

function newProject(
  projectId: string,
  accountKey: string,
  { originalPrompt, enhancedPrompt, characterId }: ProjectWish,
  requestHash: string | undefined,
): Project {
  return {
    projectId,
    accountKey,
    originalPrompt: { text: originalPrompt },
    enhancedPrompt: enhancedPrompt === undefined ? undefined : { text: enhancedPrompt },
    characterId,
    createdAt: new Date().toISOString(),
    requestHash,
  };
}

/** What the first request made, as it is now, or as it was at last. */
function replay({ data: project }: ProjectEvent, { requestHash }: Keyed): Created {
  if (project.requestHash !== requestHash) throw new ApiError('idempotency_key_reuse');
  return { project, replayed: true };
}
