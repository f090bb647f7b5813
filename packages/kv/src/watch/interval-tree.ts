import type { Key, KeyRange } from '../key-range.ts';

/** A node of the tree; its subtree is balanced as in an AVL tree. */
type Node<Value> = {
  readonly range: KeyRange;
  value: Value;
  left: Node<Value> | null;
  right: Node<Value> | null;
  height: number;
  /** The greatest end of the ranges in the subtree; null if one of them has no end. */
  maxEnd: Key | null;
};

/**
 * A map from ranges of keys to values that finds all ranges with a given key in them, in time that grows with the
 * logarithm of the number of ranges and with the number of those found. An AVL tree in the order of the starts,
 * each node of which knows how far its subtree reaches.
 */
export class IntervalTree<Value> {
  private root: Node<Value> | null = null;

  get(range: KeyRange): Value | undefined {
    let node = this.root;
    while (node !== null) {
      const order = compareRanges(range, node.range);
      if (order === 0) return node.value;
      node = order < 0 ? node.left : node.right;
    }
    return undefined;
  }

  set(range: KeyRange, value: Value): void {
    this.root = insert(this.root, range, value);
  }

  delete(range: KeyRange): void {
    this.root = remove(this.root, range);
  }

  /** Calls `visit` with the value of each range that the key is in. */
  visit(key: Key, visit: (value: Value) => void): void {
    visitFrom(this.root, key, visit);
  }
}

function visitFrom<Value>(from: Node<Value> | null, key: Key, visit: (value: Value) => void): void {
  let node = from;
  while (node !== null && isBefore(key, node.maxEnd)) {
    visitFrom(node.left, key, visit);
    if (key < node.range.start) return;
    if (isBefore(key, node.range.end)) visit(node.value);
    node = node.right;
  }
}

function insert<Value>(node: Node<Value> | null, range: KeyRange, value: Value): Node<Value> {
  if (node === null) return { range, value, left: null, right: null, height: 1, maxEnd: range.end };
  const order = compareRanges(range, node.range);
  if (order === 0) {
    node.value = value;
    return node;
  }
  if (order < 0) node.left = insert(node.left, range, value);
  else node.right = insert(node.right, range, value);
  return balance(node);
}

function remove<Value>(node: Node<Value> | null, range: KeyRange): Node<Value> | null {
  if (node === null) return null;
  const order = compareRanges(range, node.range);
  if (order < 0) node.left = remove(node.left, range);
  else if (order > 0) node.right = remove(node.right, range);
  else if (node.left === null) return node.right;
  else if (node.right === null) return node.left;
  else {
    const successor = first(node.right);
    successor.right = removeFirst(node.right);
    successor.left = node.left;
    return balance(successor);
  }
  return balance(node);
}

function first<Value>(node: Node<Value>): Node<Value> {
  let leftmost = node;
  while (leftmost.left !== null) leftmost = leftmost.left;
  return leftmost;
}

function removeFirst<Value>(node: Node<Value>): Node<Value> | null {
  if (node.left === null) return node.right;
  node.left = removeFirst(node.left);
  return balance(node);
}

/** Restores a node whose subtrees are right, and differ in height by two at most. */
function balance<Value>(node: Node<Value>): Node<Value> {
  const slope = height(node.left) - height(node.right);
  if (slope > 1) {
    const left = node.left as Node<Value>;
    if (height(left.left) < height(left.right)) node.left = rotateLeft(left);
    return rotateRight(node);
  }
  if (slope < -1) {
    const right = node.right as Node<Value>;
    if (height(right.right) < height(right.left)) node.right = rotateRight(right);
    return rotateLeft(node);
  }
  return summarize(node);
}

function rotateLeft<Value>(node: Node<Value>): Node<Value> {
  const top = node.right as Node<Value>;
  node.right = top.left;
  top.left = summarize(node);
  return summarize(top);
}

function rotateRight<Value>(node: Node<Value>): Node<Value> {
  const top = node.left as Node<Value>;
  node.left = top.right;
  top.right = summarize(node);
  return summarize(top);
}

function summarize<Value>(node: Node<Value>): Node<Value> {
  const { left, right } = node;
  node.height = 1 + Math.max(height(left), height(right));
  node.maxEnd = node.range.end;
  if (left !== null) node.maxEnd = later(node.maxEnd, left.maxEnd);
  if (right !== null) node.maxEnd = later(node.maxEnd, right.maxEnd);
  return node;
}

function height(node: Node<unknown> | null): number {
  return node === null ? 0 : node.height;
}

function later(a: Key | null, b: Key | null): Key | null {
  return a === null || b === null ? null : a < b ? b : a;
}

/** Whether a key is before an end, which may be missing. */
function isBefore(key: Key, end: Key | null): boolean {
  return end === null || key < end;
}

function compareRanges(a: KeyRange, b: KeyRange): number {
  if (a.start !== b.start) return a.start < b.start ? -1 : 1;
  if (a.end === b.end) return 0;
  if (a.end === null) return 1;
  return b.end === null || a.end < b.end ? -1 : 1;
}
