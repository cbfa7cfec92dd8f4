/** The FFmpeg libraries inside `node-av`: loaded when the first video is made or read, as they cost 40 MB. */

type Lib = typeof import('node-av/lib');

export interface FFmpeg extends Lib {
  readonly constants: typeof import('node-av/constants');
  /** Answers the code of a call, or throws an `FFmpegError` when it says that the call failed. */
  checked(code: number, doing: string): number;
}

export async function loadFFmpeg(): Promise<FFmpeg> {
  const [lib, constants] = await Promise.all([import('node-av/lib'), import('node-av/constants')]);
  // What it has to say would stand among the lines of our log; failures come as codes.
  lib.Log.setLevel(constants.AV_LOG_QUIET);
  const checked = (code: number, doing: string) => {
    lib.FFmpegError.throwIfError(code, doing);
    return code;
  };
  return { ...lib, constants, checked };
}
