/** Behind `npm run schemas`; a spec compares the files with the code. */
import { fileURLToPath } from 'node:url';
import { writeSchemas } from '#contracts/schema/write-schemas.js';

await writeSchemas(fileURLToPath(new URL('../libs/contracts/schemas', import.meta.url)));
