/** Reads the bodies of the project routes. Pure: any value gets a request or an error of the contract. */
import type { ProjectChanges } from '#contracts/domain/project.js';
import { ChangeProjectRequest, CreateProjectRequest } from '#contracts/http/projects.js';
import { checkedBody } from '../http/checked.js';
import { promptText } from '../http/prompt-text.js';

/** What a client asks for, checked; prompts are trimmed. */
export interface ProjectWish {
  readonly originalPrompt: string;
  readonly enhancedPrompt?: string;
  readonly characterId?: string;
}

/** @throws ApiError `invalid_body` */
export function readNewProject(body: unknown): ProjectWish {
  const { original_prompt, enhanced_prompt, character_id } = checkedBody(CreateProjectRequest, body);
  return {
    originalPrompt: promptText('original_prompt', original_prompt),
    enhancedPrompt: enhanced_prompt == null ? undefined : promptText('enhanced_prompt', enhanced_prompt),
    characterId: character_id?.toLowerCase(),
  };
}

/** @throws ApiError `invalid_body` */
export function readProjectChanges(body: unknown): ProjectChanges {
  const { original_prompt, enhanced_prompt, character_id } = checkedBody(ChangeProjectRequest, body);
  return {
    originalPrompt: original_prompt === undefined ? undefined : promptText('original_prompt', original_prompt),
    enhancedPrompt: enhanced_prompt == null ? enhanced_prompt : promptText('enhanced_prompt', enhanced_prompt),
    characterId: character_id == null ? character_id : character_id.toLowerCase(),
  };
}
