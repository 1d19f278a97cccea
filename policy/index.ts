/** The policy pack: `pulumi preview --policy-pack policy`. The rules are in rules.ts. */
import { PolicyPack } from "@pulumi/policy";
import { POLICIES } from "./rules";

new PolicyPack("redis-cluster-kit", { policies: [...POLICIES], enforcementLevel: "mandatory" });
