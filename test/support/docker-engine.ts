import { access } from 'node:fs/promises';
import { request } from 'node:http';
import { isAtLeast } from '#launcher/nats-binary.js';

/** The oldest Node.js that testcontainers runs on. */
const MINIMUM_NODE = '22.22.0';

const TIMEOUT_MS = 1_000;

/**
 * The first of `images` that a running Docker engine has, so that a test never pulls one. Undefined without an engine,
 * without the images, or on a Node.js that is too old for testcontainers.
 */
export async function localImage(images: string[]): Promise<string | undefined> {
  const socket = await engineSocket();
  if (!socket || !isAtLeast(process.versions.node, MINIMUM_NODE)) return undefined;
  for (const image of images) if (await hasImage(socket, image)) return image;
  return undefined;
}

async function engineSocket(): Promise<string | undefined> {
  const host = process.env.DOCKER_HOST ?? 'unix:///var/run/docker.sock';
  if (!host.startsWith('unix://')) return undefined;
  const path = host.slice('unix://'.length);
  return access(path).then(
    () => path,
    () => undefined,
  );
}

/** A socket that nobody listens on counts as no engine. */
function hasImage(socketPath: string, image: string): Promise<boolean> {
  return new Promise((answer) => {
    const path = `/images/${encodeURIComponent(image)}/json`;
    const asking = request({ socketPath, path, timeout: TIMEOUT_MS }, (response) => {
      response.resume();
      answer(response.statusCode === 200);
    });
    asking.on('timeout', () => asking.destroy(new Error('timeout')));
    asking.on('error', () => answer(false));
    asking.end();
  });
}
