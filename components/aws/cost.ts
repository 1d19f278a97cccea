/** What the declared servers cost a month, roughly. Pure. */
import type { AwsSettings } from "../../config";
import { INSTANCE_TYPES, OTHER_PRICES, PRICES_AS_OF, regionFactor } from "../../config/aws/instance-types";
import { BASTION_TYPES } from "./bastion";

const HOURS_PER_MONTH = 730;

/** One line, marked as an estimate; traffic, backups and taxes are not in it. */
export function monthlyEstimate(settings: AwsSettings, nodes: number): string {
  const { instanceType, region } = settings;
  const known = INSTANCE_TYPES[instanceType];
  const parts: [string, number][] = [
    [`${nodes} ${instanceType}`, nodes * (known?.usdPerHour ?? 0) * HOURS_PER_MONTH],
    ["volumes", nodes * (settings.dataVolumeGib + settings.rootVolumeGib) * OTHER_PRICES.gp3UsdPerGibMonth],
    ...ways(settings),
    ...(settings.detailedMonitoring
      ? [["monitoring", nodes * OTHER_PRICES.detailedMonitoringUsdPerMonth] as [string, number]]
      : []),
  ];
  const factor = regionFactor(region);
  const total = parts.reduce((sum, [, usd]) => sum + usd * factor, 0);
  const list = parts.map(([what, usd]) => `${what} ${Math.round(usd * factor)}`).join(", ");
  const missing =
    known === undefined ? ` The price of ${instanceType} is not in the kit's table and is left out.` : "";
  return (
    `Estimate: about ${Math.round(total)} USD a month in ${region} (${list}), on demand, prices of ${PRICES_AS_OF}; ` +
    `traffic, backups and taxes are not in it.${missing}`
  );
}

function ways({ nat, vpcId, access, subnets, architecture }: AwsSettings): [string, number][] {
  const gateways = vpcId !== undefined || nat === "none" ? 0 : nat === "one" ? 1 : subnets.length;
  const hourly = OTHER_PRICES.natUsdPerHour + OTHER_PRICES.publicAddressUsdPerHour;
  const bastion = INSTANCE_TYPES[BASTION_TYPES[architecture]]?.usdPerHour ?? 0;
  return [
    ...(gateways > 0 ? [["NAT", gateways * hourly * HOURS_PER_MONTH] as [string, number]] : []),
    ...(access === "bastion"
      ? [["bastion", (bastion + OTHER_PRICES.publicAddressUsdPerHour) * HOURS_PER_MONTH] as [string, number]]
      : []),
  ];
}
