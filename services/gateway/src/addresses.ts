import { signUploadUrl, type Upload } from '#asset-store/signed-upload.js';
import { assetUrlExpiry, signAssetUrl } from '#asset-store/signed-url.js';
import type { JobUrls } from '#contracts/http/answers.js';
import { GENERATION_TIMEOUT_MS } from '#contracts/limits.js';
import type { AssetSettings } from './configuration.js';

export interface SignedAddress {
  readonly url: string;
  /** ISO 8601. */
  readonly expiresAt: string;
}

/** The absolute addresses that answers carry. */
export class Addresses {
  /** Known once the port is. Without a trailing slash. */
  publicUrl = '';

  constructor(private readonly settings: AssetSettings) {}

  job(jobId: string): JobUrls {
    const self = `${this.publicUrl}/api/jobs/${jobId}`;
    return { self, events: `${self}/events`, cancel: `${self}/cancel` };
  }

  /** The address to which an output may be sent, for as long as an attempt may take. */
  upload(upload: Omit<Upload, 'expiresAt'>): string {
    const { publicUrl } = this;
    const expiresAt = Math.ceil((Date.now() + GENERATION_TIMEOUT_MS) / 1000);
    return signUploadUrl({ ...upload, expiresAt }, { publicUrl, secret: this.settings.urlSecret });
  }

  /** A freshly signed address of a file. */
  asset(key: string): SignedAddress {
    const { urlSecret: secret, urlTtlSeconds } = this.settings;
    const expiresAt = assetUrlExpiry(Date.now(), urlTtlSeconds);
    const url = signAssetUrl({ publicUrl: this.publicUrl, key, secret, expiresAt });
    return { url, expiresAt: new Date(expiresAt * 1000).toISOString() };
  }
}
