/** Roles and their policies. */
import * as sdk from "@aws-sdk/client-iam";
import { goneTags, type Kind, tagList, text } from "./client";

const iam = new sdk.IAMClient({});

const role: Kind = {
  forceNew: ["name"],
  async create(inputs, name) {
    await iam.send(
      new sdk.CreateRoleCommand({
        RoleName: name,
        AssumeRolePolicyDocument: text(inputs, "assumeRolePolicy"),
        Tags: tagList(inputs.tags),
      }),
    );
    return { id: name, name };
  },
  inPlace: {
    tags: async (RoleName, inputs, before) => {
      const TagKeys = goneTags(inputs, before);
      if (TagKeys.length > 0) await iam.send(new sdk.UntagRoleCommand({ RoleName, TagKeys }));
      await iam.send(new sdk.TagRoleCommand({ RoleName, Tags: tagList(inputs.tags) }));
    },
  },
  delete: (id) => iam.send(new sdk.DeleteRoleCommand({ RoleName: id })),
};

const rolePolicy: Kind = {
  forceNew: ["name", "role"],
  async create(inputs, name) {
    const RoleName = text(inputs, "role");
    await iam.send(
      new sdk.PutRolePolicyCommand({ RoleName, PolicyName: name, PolicyDocument: text(inputs, "policy") }),
    );
    return { id: `${RoleName}:${name}`, name };
  },
  delete: (_id, state) =>
    iam.send(
      new sdk.DeleteRolePolicyCommand({ RoleName: text(state, "role"), PolicyName: text(state, "name") }),
    ),
};

const rolePolicyAttachment: Kind = {
  forceNew: ["policyArn", "role"],
  async create(inputs, name) {
    const request = { RoleName: text(inputs, "role"), PolicyArn: text(inputs, "policyArn") };
    await iam.send(new sdk.AttachRolePolicyCommand(request));
    return { id: name };
  },
  delete: (_id, state) =>
    iam.send(
      new sdk.DetachRolePolicyCommand({ RoleName: text(state, "role"), PolicyArn: text(state, "policyArn") }),
    ),
};

const instanceProfile: Kind = {
  forceNew: ["name"],
  async create(inputs, name) {
    const Tags = tagList(inputs.tags);
    await iam.send(new sdk.CreateInstanceProfileCommand({ InstanceProfileName: name, Tags }));
    await iam.send(
      new sdk.AddRoleToInstanceProfileCommand({ InstanceProfileName: name, RoleName: text(inputs, "role") }),
    );
    return { id: name, name };
  },
  inPlace: {
    tags: async (InstanceProfileName, inputs, before) => {
      const TagKeys = goneTags(inputs, before);
      if (TagKeys.length > 0)
        await iam.send(new sdk.UntagInstanceProfileCommand({ InstanceProfileName, TagKeys }));
      await iam.send(new sdk.TagInstanceProfileCommand({ InstanceProfileName, Tags: tagList(inputs.tags) }));
    },
  },
  async delete(id, state) {
    const RoleName = text(state, "role");
    await iam.send(new sdk.RemoveRoleFromInstanceProfileCommand({ InstanceProfileName: id, RoleName }));
    await iam.send(new sdk.DeleteInstanceProfileCommand({ InstanceProfileName: id }));
  },
};

export const IDENTITY: Readonly<Record<string, Kind>> = {
  "aws:iam/role:Role": role,
  "aws:iam/rolePolicy:RolePolicy": rolePolicy,
  "aws:iam/rolePolicyAttachment:RolePolicyAttachment": rolePolicyAttachment,
  "aws:iam/instanceProfile:InstanceProfile": instanceProfile,
};
