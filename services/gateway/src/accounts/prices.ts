import { isJobType, JOB_CATALOGUE, JOB_TYPES, type JobType } from '#contracts/job-catalogue.js';
import { CREDITS_MAX } from '#contracts/limits.js';
import type { Environment } from '#service-kit/environment.js';

/** Credits that one job of each type costs. */
export type Prices = Readonly<Record<JobType, number>>;

const CATALOGUE_PRICES = Object.fromEntries(
  JOB_TYPES.map((jobType) => [jobType, JOB_CATALOGUE[jobType].credits]),
) as Prices;

/** The catalogue's prices, but for those that `JOB_CREDITS` names as `video_high=5,sdxl_image_fast=2`. */
export function readPrices(environment: Environment): Prices {
  const named = environment.optional('JOB_CREDITS')?.split(',') ?? [];
  return { ...CATALOGUE_PRICES, ...Object.fromEntries(named.map((text) => priceOf(text.trim(), environment))) };
}

function priceOf(text: string, environment: Environment): [name: string, credits: number] {
  const [, name, digits] = /^(\w+) *= *(\d+)$/.exec(text) ?? [];
  const credits = Number(digits);
  if (name !== undefined && isJobType(name) && credits >= 1 && credits <= CREDITS_MAX) return [name, credits];
  const wanted = `JOB_CREDITS must be like video_high=5,sdxl_image_fast=2, each from 1 to ${CREDITS_MAX}`;
  return environment.problem(`${wanted}, not "${text}"`, ['', 0]);
}
