/** Behind `npm run schemas`; a spec compares the files with the code. */
import { writeDocuments } from './write-documents.js';

await writeDocuments();
