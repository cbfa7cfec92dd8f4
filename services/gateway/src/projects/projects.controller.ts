import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Project } from '#contracts/domain/project.js';
import { PageQuery } from '#contracts/http/list-queries.js';
import type { ProjectsPage, ProjectView } from '#contracts/http/projects.js';
import { Bus } from '#eventing/bus.js';
import { ask } from '#eventing/request-reply.js';
import { callerOf, From } from '../auth/authentication.js';
import type { Caller } from '../auth/token-verifier.js';
import { checkedQuery } from '../http/checked.js';
import { traceparentOf } from '../http/request-ids.js';
import { keyedBy } from '../jobs/idempotency.js';
import { PromptPolicy } from '../policy/prompt-policy.js';
import { readNewProject, readProjectChanges } from './project-bodies.js';
import { Projects } from './projects.js';

@Controller('api/projects')
export class ProjectsController {
  constructor(
    private readonly bus: Bus,
    private readonly projects: Projects,
    private readonly policy: PromptPolicy,
  ) {}

  @Post()
  @HttpCode(201)
  async create(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<ProjectView> {
    const wish = readNewProject(request.body);
    const keyed = keyedBy(request.headers['idempotency-key'], request.body);
    this.checkPolicy([wish.originalPrompt, wish.enhancedPrompt], request, 'POST /api/projects');
    const created = await this.projects.create(wish, callerOf(request), traceparentOf(request), keyed);
    if (created.replayed) reply.header('idempotent-replayed', 'true');
    return viewOf(created.project);
  }

  /** A page may be shorter than its limit: an answer holds so many long prompts and no more. */
  @Get()
  async list(@Query() query: unknown, @From() { accountKey }: Caller): Promise<ProjectsPage> {
    const { cursor, limit } = checkedQuery(PageQuery, query);
    const page = await ask(this.bus, 'projects.list', { accountKey, cursor, limit });
    return { projects: page.projects.map(viewOf), next_cursor: page.nextCursor };
  }

  @Get(':id')
  async get(@Param('id') id: string, @From() { accountKey }: Caller): Promise<ProjectView> {
    return viewOf(await this.projects.find(accountKey, id.toLowerCase()));
  }

  @Patch(':id')
  async change(@Param('id') id: string, @Body() body: unknown, @Req() request: FastifyRequest): Promise<ProjectView> {
    const changes = readProjectChanges(body);
    this.checkPolicy([changes.originalPrompt, changes.enhancedPrompt], request, 'PATCH /api/projects/{id}');
    return viewOf(await this.projects.change(id.toLowerCase(), changes, callerOf(request), traceparentOf(request)));
  }

  @Delete(':id')
  @HttpCode(204)
  async delete(@Param('id') id: string, @Req() request: FastifyRequest): Promise<void> {
    await this.projects.delete(id.toLowerCase(), callerOf(request), traceparentOf(request));
  }

  private checkPolicy(prompts: readonly (string | null | undefined)[], request: FastifyRequest, route: string): void {
    const at = { route, traceparent: traceparentOf(request) };
    for (const prompt of prompts) if (prompt) this.policy.check({ prompt }, callerOf(request), at);
  }
}

function viewOf({ projectId, originalPrompt, enhancedPrompt, characterId, createdAt }: Project): ProjectView {
  return {
    id: projectId,
    original_prompt: originalPrompt.text,
    enhanced_prompt: enhancedPrompt?.text ?? null,
    character_id: characterId ?? null,
    created_at: createdAt,
  };
}
