/** Frames into H.264 into MP4. */
import type { Packet } from 'node-av/lib';
import type { VideoShape } from '../engine.js';
import { type FFmpeg, loadFFmpeg } from '../ffmpeg.js';

/** Constant rate factor of x264: 18 looks lossless, each 6 more halve the file. */
const QUALITY = '21';
const PRESET = 'veryfast';
/** Level 3.1 takes 1280x720 at 30 frames a second; phones have played it since 2010. */
const LEVEL = 31;
/** Seconds between two frames from which a player can start. */
const KEY_FRAME_SECONDS = 2;

/** Takes frames one by one and ends with a whole file. Every step is done on a thread of libuv's pool. */
export class H264Encoder {
  private readonly codec;
  private readonly muxer;
  private readonly sink = new MemoryFile();
  private readonly io;
  private readonly packet;
  private readonly scaler;
  private frames = 0;

  private constructor(
    private readonly av: FFmpeg,
    private readonly shape: VideoShape,
  ) {
    this.codec = new av.CodecContext();
    this.muxer = new av.FormatContext();
    this.io = new av.IOContext();
    this.packet = new av.Packet();
    this.packet.alloc();
    this.scaler = new av.SoftwareScaleContext();
    this.scaler.allocContext();
  }

  static async open(shape: VideoShape): Promise<H264Encoder> {
    const encoder = new H264Encoder(await loadFFmpeg(), shape);
    try {
      await encoder.openCodec();
      await encoder.openFile();
      return encoder;
    } catch (error) {
      encoder.close();
      throw error;
    }
  }

  /** The next frame: red, green, blue per pixel, row by row. The buffer is free again when this resolves. */
  async add(rgb: Buffer): Promise<void> {
    const { av, codec } = this;
    using frame = await this.converted(rgb);
    frame.pts = BigInt(this.frames++);
    av.checked(await codec.sendFrame(frame), 'encoding a frame');
    await this.writePackets();
  }

  /** The file, its index at the end. */
  async finish(): Promise<Buffer> {
    const { av, codec, muxer } = this;
    av.checked(await codec.sendFrame(null), 'ending the video');
    await this.writePackets();
    av.checked(await muxer.writeTrailer(), 'writing the index');
    await this.io.flush();
    return this.sink.bytes();
  }

  close(): void {
    this.packet.free();
    this.scaler.freeContext();
    this.codec.freeContext();
    this.muxer.pb = null;
    this.muxer.freeContext();
    this.io.freeContext();
  }

  private async openCodec(): Promise<void> {
    const { av, codec, shape } = this;
    const { constants } = av;
    const x264 = av.Codec.findEncoderByName(constants.FF_ENCODER_LIBX264);
    if (!x264) throw new Error('this FFmpeg has no H.264 encoder');
    codec.allocContext3(x264);
    codec.width = shape.width;
    codec.height = shape.height;
    codec.pixelFormat = constants.AV_PIX_FMT_YUV420P;
    codec.timeBase = new av.Rational(1, shape.fps);
    codec.framerate = new av.Rational(shape.fps, 1);
    codec.profile = constants.AV_PROFILE_H264_HIGH;
    codec.level = LEVEL;
    codec.gopSize = shape.fps * KEY_FRAME_SECONDS;
    // Without frames that look ahead every frame is stored in the order in which it is shown.
    codec.maxBFrames = 0;
    codec.threadCount = 1;
    codec.colorRange = constants.AVCOL_RANGE_MPEG;
    codec.colorPrimaries = constants.AVCOL_PRI_BT709;
    codec.colorTrc = constants.AVCOL_TRC_BT709;
    codec.colorSpace = constants.AVCOL_SPC_BT709;
    codec.setFlags(constants.AV_CODEC_FLAG_GLOBAL_HEADER);
    const options = av.Dictionary.fromObject({ preset: PRESET, crf: QUALITY });
    av.checked(await codec.open2(x264, options), 'opening the encoder');
  }

  private async openFile(): Promise<void> {
    const { av, codec, muxer, io, sink } = this;
    const { constants } = av;
    av.checked(muxer.allocOutputContext2(null, 'mp4', null), 'opening the file');
    io.allocContextWithCallbacks(
      64 * 1024,
      1,
      null,
      (part) => sink.write(part),
      (offset, whence) => sink.seek(Number(offset), whence === constants.AVSEEK_SIZE),
    );
    muxer.pb = io;
    // No time and no version of the library: the same frames make the same file.
    muxer.setFlags(constants.AVFMT_FLAG_BITEXACT, constants.AVFMT_FLAG_CUSTOM_IO);
    const stream = muxer.newStream();
    av.checked(stream.codecpar.fromContext(codec), 'describing the video');
    stream.timeBase = codec.timeBase;
    stream.avgFrameRate = codec.framerate;
    av.checked(await muxer.writeHeader(), 'starting the file');
  }

  private async writePackets(): Promise<void> {
    const { av, codec, packet } = this;
    for (;;) {
      const code = await codec.receivePacket(packet);
      if (code === av.constants.AVERROR_EAGAIN || code === av.constants.AVERROR_EOF) return;
      av.checked(code, 'encoding a frame');
      await this.write(packet);
    }
  }

  private async write(packet: Packet): Promise<void> {
    const { av, codec, muxer } = this;
    const [stream] = muxer.streams;
    if (!stream) throw new Error('the file has no stream');
    packet.duration = 1n;
    packet.streamIndex = 0;
    packet.rescaleTs(codec.timeBase, stream.timeBase);
    av.checked(await muxer.writeFrame(packet), 'writing a frame');
    packet.unref();
  }

  /** From RGB to what H.264 keeps: brightness at full, colour at half the resolution, in the values of BT.709. */
  private async converted(rgb: Buffer) {
    const { av, shape } = this;
    const { constants } = av;
    const size = { width: shape.width, height: shape.height, timeBase: new av.Rational(1, shape.fps) };
    using source = av.Frame.fromVideoBuffer(rgb, { ...size, format: constants.AV_PIX_FMT_RGB24 });
    source.colorSpace = constants.AVCOL_SPC_RGB;
    source.colorRange = constants.AVCOL_RANGE_JPEG;
    const frame = new av.Frame();
    frame.alloc();
    frame.width = shape.width;
    frame.height = shape.height;
    frame.format = constants.AV_PIX_FMT_YUV420P;
    frame.colorSpace = constants.AVCOL_SPC_BT709;
    frame.colorRange = constants.AVCOL_RANGE_MPEG;
    av.checked(await this.scaler.scaleFrame(frame, source), 'converting the colours');
    return frame;
  }
}

/** A file in memory that is written here and there: the index of an MP4 is filled in at the end. */
class MemoryFile {
  private content = Buffer.alloc(256 * 1024);
  private length = 0;
  private position = 0;

  write(part: Buffer): number {
    this.reserve(this.position + part.length);
    part.copy(this.content, this.position);
    this.position += part.length;
    this.length = Math.max(this.length, this.position);
    return part.length;
  }

  /** Answers the new position, or the size when that is what is asked for. */
  seek(position: number, wantsSize: boolean): bigint {
    if (wantsSize) return BigInt(this.length);
    this.position = position;
    return BigInt(position);
  }

  bytes(): Buffer {
    return this.content.subarray(0, this.length);
  }

  private reserve(size: number): void {
    if (size <= this.content.length) return;
    const larger = Buffer.alloc(Math.max(size, this.content.length * 2));
    this.content.copy(larger);
    this.content = larger;
  }
}
