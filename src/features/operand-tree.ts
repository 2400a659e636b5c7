/**
 * Which interactions a feature takes part in, found while walking an event: the configured operand names as a
 * tree of path tokens. An operand names one feature or a whole namespace ("user" covers "user.age").
 */
export interface OperandNode {
  readonly children: ReadonlyMap<string, OperandNode>;
  /** Operand numbers that this path names. */
  readonly operands: readonly number[];
}

interface GrowingNode {
  readonly children: Map<string, GrowingNode>;
  readonly operands: number[];
}

export interface Interactions {
  readonly root: OperandNode;
  readonly operandCount: number;
  /** For each interaction its operand numbers, in the order of the configuration. */
  readonly crosses: readonly (readonly number[])[];
}

export function interactionsOf(configured: readonly (readonly string[])[]): Interactions {
  const root: GrowingNode = { children: new Map(), operands: [] };
  const numbers = new Map<string, number>();
  const operandOf = (path: string): number => {
    const known = numbers.get(path);
    if (known !== undefined) return known;
    const operand = numbers.size;
    numbers.set(path, operand);
    nodeAt(root, path).operands.push(operand);
    return operand;
  };
  const crosses = configured.map((names) => names.map(operandOf));
  return { root, operandCount: numbers.size, crosses };
}

function nodeAt(root: GrowingNode, path: string): GrowingNode {
  let node = root;
  for (const token of path.split('.')) {
    let child = node.children.get(token);
    if (child === undefined) {
      child = { children: new Map(), operands: [] };
      node.children.set(token, child);
    }
    node = child;
  }
  return node;
}
