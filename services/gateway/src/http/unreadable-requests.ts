import type { Socket } from 'node:net';
import { ApiError } from './api-error.js';

const STATUS_LINES: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** The answer to what is no HTTP at all: there is no request to hang an answer on, only the connection. */
export function answerUnreadable(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) return void socket.destroy();
  const { body } = new ApiError('invalid_json', { details: 'the request is not valid HTTP' });
  const text = JSON.stringify(body);
  const status = STATUS_LINES[error.code ?? ''] ?? '400 Bad Request';
  const head = `content-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(text)}`;
  socket.end(`HTTP/1.1 ${status}\r\n${head}\r\nconnection: close\r\n\r\n${text}`);
}
