/** What the step chosen for all records of a section is called in the address: no kind of records is. */
export const sectionStepsId = (section: string): string => `section:${section}`;
