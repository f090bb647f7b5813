/** The name that `name` most likely was meant to be, or null if none is close. */
export function nearestName(name: string, names: readonly string[]): string | null {
  let nearest: string | null = null;
  let distanceMax = Math.min(3, Math.floor(name.length / 3) + 1);
  for (const candidate of names) {
    const distance = editDistance(name.toLowerCase().replaceAll('_', '-'), candidate);
    if (distance < distanceMax || (distance === distanceMax && nearest === null)) {
      nearest = candidate;
      distanceMax = distance;
    }
  }
  return nearest;
}

/** How many characters must be inserted, removed or replaced to make one word of the other (Levenshtein). */
function editDistance(from: string, to: string): number {
  if (Math.abs(from.length - to.length) > 3) return Number.POSITIVE_INFINITY;
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const replaced = (previous[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[to.length] ?? 0;
}
