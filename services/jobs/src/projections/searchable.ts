/** Text in the form in which it is searched: whatever its case and width, and whatever the database takes for a letter. */
export function searchable(text: string): string {
  return text.normalize('NFKC').toLowerCase();
}
