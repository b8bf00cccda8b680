/** Tables that are looked up by words from elsewhere, which may be `constructor`: they hold what was put in, and nothing else. */
export const named = <T>(rows: Readonly<Record<string, T>>): Readonly<Record<string, T>> => Object.assign(Object.create(null) as Record<string, T>, rows);

/** What is said under a name in something that came from elsewhere, and not what every object has. */
export const own = <T>(rows: Readonly<Record<string, T>> | undefined, name: string): T | undefined => (rows !== undefined && Object.hasOwn(rows, name) ? rows[name] : undefined);
