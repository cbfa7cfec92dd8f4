/**
 * The job catalogue: everything that is fixed per job type, and the only place where a job type is written.
 * Names, times, sizes and buckets are those of the API reference.
 */

export type Format = 'image' | 'video';
export type Quality = 'fast' | 'high';
/** Which services a job passes: its first consumer is bound to the route. */
export type Route = 'sdxl' | 'wan' | 'wan-enhanced';
export type QueueName = 'sdxl_queue' | 'wan_queue';
export type ModelVariant = 'lustify_sdxl' | 'wan_2_1_1_3b';

const MIB = 1024 * 1024;

/** Frames kept of a video: the model makes 4k+1, so 85 are rendered and 83 kept. */
const VIDEO_FRAMES = 83;

interface JobTypeFacts {
  readonly route: Route;
  readonly format: Format;
  readonly quality: Quality;
  /** The reference's word for the quality of the output. */
  readonly qualityWord: string;
  /** Outputs that one job makes unless the client asks for fewer. */
  readonly outputs: number;
  /** Seconds that the reference measured for a whole job; estimates start from it. */
  readonly referenceSeconds: number;
  /** Most bytes of one stored output. */
  readonly bucketLimitBytes: number;
  /** Credits that one job costs. */
  readonly credits: number;
  /** Seconds of video, absent for pictures. */
  readonly videoSeconds?: number;
  /** Frames a second, absent for pictures. */
  readonly fps?: number;
}

const FACTS = {
  sdxl_image_fast: sdxl('fast', 'Excellent', 29.9, 5),
  sdxl_image_high: sdxl('high', 'Premium', 42.4, 10),
  image_fast: wanImage('wan', 'fast', 'Good', 73, 5),
  image_high: wanImage('wan', 'high', 'Better', 90, 10),
  video_fast: wanVideo('wan', 'fast', 'Good', 251.5, 50),
  video_high: wanVideo('wan', 'high', 'Better', 359.7, 200),
  image7b_fast_enhanced: wanImage('wan-enhanced', 'fast', 'Enhanced', 233.5, 20),
  image7b_high_enhanced: wanImage('wan-enhanced', 'high', 'Enhanced', 104, 20),
  video7b_fast_enhanced: wanVideo('wan-enhanced', 'fast', 'Enhanced', 263.9, 100),
  video7b_high_enhanced: wanVideo('wan-enhanced', 'high', 'Enhanced', 370, 100),
} as const satisfies Record<string, JobTypeFacts>;

export type JobType = keyof typeof FACTS;

/** The ten job types, in the order of the reference. */
export const JOB_TYPES = Object.keys(FACTS) as readonly JobType[];

/** What the engine is told, in the reference's field names. Sizes as `width*height` in pixels, times in seconds. */
export interface EngineSettings {
  readonly size: string;
  readonly sample_steps: number;
  readonly sample_guide_scale: number;
  readonly sample_solver?: 'unipc';
  readonly sample_shift?: number;
  readonly frame_num: number;
  readonly enhance_prompt: boolean;
  readonly expected_time: number;
  readonly content_type: Format;
  readonly file_extension: 'png' | 'mp4';
}

export interface JobTypeEntry extends JobTypeFacts {
  readonly jobType: JobType;
  readonly queue: QueueName;
  readonly modelVariant: ModelVariant;
  readonly isSdxl: boolean;
  readonly isEnhanced: boolean;
  readonly negativePromptSupported: boolean;
  /** Only SDXL jobs take `count`. */
  readonly countSupported: boolean;
  readonly mediaType: 'image/png' | 'video/mp4';
  readonly width: number;
  readonly height: number;
  /** The storage bucket is named after the job type. */
  readonly bucket: JobType;
  readonly config: EngineSettings;
}

/** The catalogue: one entry per job type. */
export const JOB_CATALOGUE: Readonly<Record<JobType, JobTypeEntry>> = Object.fromEntries(
  JOB_TYPES.map((jobType) => [jobType, entryOf(jobType, FACTS[jobType])]),
) as Record<JobType, JobTypeEntry>;

export function isJobType(value: unknown): value is JobType {
  return typeof value === 'string' && Object.hasOwn(FACTS, value);
}

/** The routes whose jobs wait in a queue as users see it. */
export const QUEUE_ROUTES: Readonly<Record<QueueName, readonly Route[]>> = {
  sdxl_queue: ['sdxl'],
  wan_queue: ['wan', 'wan-enhanced'],
};

export const QUEUE_NAMES = Object.keys(QUEUE_ROUTES) as readonly QueueName[];

function sdxl(quality: Quality, qualityWord: string, referenceSeconds: number, limitMib: number): JobTypeFacts {
  const bucketLimitBytes = limitMib * MIB;
  return {
    route: 'sdxl',
    format: 'image',
    quality,
    qualityWord,
    outputs: 6,
    referenceSeconds,
    bucketLimitBytes,
    credits: 1,
  };
}

function wanImage(
  route: Route,
  quality: Quality,
  qualityWord: string,
  referenceSeconds: number,
  limitMib: number,
): JobTypeFacts {
  const bucketLimitBytes = limitMib * MIB;
  return { route, format: 'image', quality, qualityWord, outputs: 1, referenceSeconds, bucketLimitBytes, credits: 1 };
}

function wanVideo(
  route: Route,
  quality: Quality,
  qualityWord: string,
  referenceSeconds: number,
  limitMib: number,
): JobTypeFacts {
  const fps = quality === 'high' ? 14 : 16;
  const videoSeconds = VIDEO_FRAMES / fps;
  const image = wanImage(route, quality, qualityWord, referenceSeconds, limitMib);
  return { ...image, format: 'video', fps, videoSeconds };
}

function entryOf(jobType: JobType, facts: JobTypeFacts): JobTypeEntry {
  const isSdxl = facts.route === 'sdxl';
  return {
    ...facts,
    jobType,
    queue: isSdxl ? 'sdxl_queue' : 'wan_queue',
    modelVariant: isSdxl ? 'lustify_sdxl' : 'wan_2_1_1_3b',
    isSdxl,
    isEnhanced: facts.route === 'wan-enhanced',
    negativePromptSupported: isSdxl,
    countSupported: isSdxl,
    mediaType: facts.format === 'video' ? 'video/mp4' : 'image/png',
    width: isSdxl ? 1024 : 480,
    height: isSdxl ? 1024 : 832,
    bucket: jobType,
    config: settingsOf(facts),
  };
}

function settingsOf(facts: JobTypeFacts): EngineSettings {
  const high = facts.quality === 'high';
  const isSdxl = facts.route === 'sdxl';
  return {
    size: isSdxl ? '1024*1024' : '480*832',
    sample_steps: high ? 50 : 25,
    sample_guide_scale: high ? 7.5 : 6.5,
    ...(isSdxl ? {} : { sample_solver: 'unipc' as const, sample_shift: 5.0 }),
    frame_num: facts.format === 'video' ? VIDEO_FRAMES : 1,
    enhance_prompt: facts.route === 'wan-enhanced',
    expected_time: expectedTime(facts),
    content_type: facts.format,
    file_extension: facts.format === 'video' ? 'mp4' : 'png',
  };
}

/** The reference's formula for `expected_time`, in seconds. */
function expectedTime({ route, format, quality }: JobTypeFacts): number {
  const high = quality === 'high';
  if (route === 'wan-enhanced') {
    if (format === 'video') return high ? 240 : 195;
    return high ? 100 : 85;
  }
  if (format === 'video') return high ? 180 : 135;
  return high ? 40 : 25;
}
