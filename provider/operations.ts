/** What the gRPC server asks of a resource: its requests and answers as plain data. */
import type { PlainObject, PropertyChange } from "./wire";

/** Which resource of the stack an operation is about. */
export interface Subject {
  readonly urn: string;
  /** Last part of the URN: the name in the program. */
  readonly name: string;
}

export interface CheckFailure {
  /** Property path. */
  readonly property: string;
  readonly reason: string;
}

export interface DiffRequest extends Subject {
  readonly oldInputs: PlainObject;
  readonly oldOutputs: PlainObject;
  readonly newInputs: PlainObject;
}

export interface DiffAnswer {
  readonly hasChanges: boolean;
  readonly changes: readonly PropertyChange[];
}

export interface UpdateRequest extends DiffRequest {
  readonly id: string;
  readonly preview: boolean;
}

/** One kind of resource. Rejections are shown to the user as they are; `PartialError` keeps what is there in the state. */
export interface ResourceOperations {
  check(subject: Subject, inputs: PlainObject): Promise<readonly CheckFailure[]>;
  diff(request: DiffRequest): Promise<DiffAnswer>;
  create(
    request: Subject & { inputs: PlainObject; preview: boolean },
  ): Promise<{ id: string; outputs: object }>;
  update(request: UpdateRequest): Promise<object>;
  read(request: Subject & { id: string; inputs: PlainObject; outputs: PlainObject }): Promise<object>;
  delete(request: Subject & { inputs: PlainObject; outputs: PlainObject }): Promise<void>;
}

/** Nothing was changed: the request cannot be carried out. The message states the cure. */
export class UnchangedError extends Error {
  override readonly name = "UnchangedError";
}

/**
 * The operation began to change the world and did not finish. The engine keeps `outputs` in its state, marks the resource
 * and calls update on the next `up`, so that it continues there.
 */
export class PartialError extends Error {
  override readonly name = "PartialError";
  constructor(
    message: string,
    readonly id: string,
    readonly outputs: object,
  ) {
    super(message);
  }
}
