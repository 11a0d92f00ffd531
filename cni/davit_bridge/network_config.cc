// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/davit_bridge/network_config.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/json.h"
#include "base/json_object.h"
#include "base/plain_name.h"
#include "cni/davit_bridge/versions.h"

namespace davit::cni {
namespace {

constexpr char kStep[] = "read network configuration";
constexpr char kDefaultBridge[] = "davit-cni0";
// Leases and what is remembered of the kernel end with the boot, as network namespaces do.
constexpr char kDefaultDataDir[] = "/run/davit-bridge";
constexpr char kTablePrefix[] = "cni-";

std::unexpected<Error> Bad(const std::string& key, std::string_view why) {
  return Fail(Code::kInvalidArgument, kStep, key, why);
}

std::unexpected<Error> Unsupported(const std::string& key, const std::string& value) {
  return Fail(Code::kUnimplemented, kStep, key, "unsupported value " + value);
}

// As the specification has it. The name becomes that of a directory and a table.
Result<> CheckName(const std::string& name) {
  if (IsPlainName(name)) return {};
  return Bad("name", "\"" + name + "\" is not a name of letters, digits, '_', '.' and '-'");
}

// Keys of the reference plugin that davit-bridge does not have.
Result<> RefuseUnsupported(JsonObject& object) {
  for (const char* key : {"promiscMode", "enabledad", "macspoofchk", "disableContainerInterface"})
    if (object.Boolean(key)) return Unsupported(key, "true");
  if (int64_t vlan = object.Integer("vlan"); vlan != 0) return Unsupported("vlan", std::to_string(vlan));
  if (std::string trunk = object.Raw("vlanTrunk"); !trunk.empty() && trunk != "[]")
    return Unsupported("vlanTrunk", trunk);
  std::string backend = object.String("ipMasqBackend");
  if (!backend.empty() && backend != "nftables") return Unsupported("ipMasqBackend", backend);
  return {};
}

Result<uint16_t> ParsePort(JsonObject& object, const char* key) {
  int64_t port = object.Integer(key);
  if (port < 0 || port > std::numeric_limits<uint16_t>::max())
    return Bad(key, std::to_string(port) + " is not a port");
  return static_cast<uint16_t>(port);
}

Result<Protocol> ParseProtocol(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return tolower(c); });
  if (text.empty()) return Protocol::kTcp;
  for (Protocol protocol : {Protocol::kTcp, Protocol::kUdp, Protocol::kSctp})
    if (text == ProtocolName(protocol)) return protocol;
  return Bad("portMappings.protocol", text + " is not a protocol");
}

Result<PortMapping> ParsePortMapping(JsonObject object) {
  PortMapping mapping;
  mapping.protocol = TRY(ParseProtocol(object.String("protocol")));
  mapping.host_ip = object.String("hostIP");
  mapping.host_port = TRY(ParsePort(object, "hostPort"));
  mapping.container_port = TRY(ParsePort(object, "containerPort"));
  return mapping;
}

Result<std::vector<IpAddress>> ParseAddresses(const std::vector<std::string>& texts) {
  std::vector<IpAddress> addresses;
  for (const std::string& text : texts) addresses.push_back(TRY(ParseAddressWithPrefix(text)).address);
  return addresses;
}

// What both `args.cni` and `runtimeConfig` may ask for; the latter wins.
Result<> ParseCommonWishes(JsonObject object, RuntimeWishes& wishes) {
  if (object.Has("ips")) wishes.addresses = TRY(ParseAddresses(object.Strings("ips")));
  if (std::string mac = object.String("mac"); !mac.empty()) wishes.mac = TRY(ParseMac(mac));
  return {};
}

// In bits, as the reference plugin bandwidth takes them. A rate without a burst gets one of ours.
Result<RateLimit> ParseRate(JsonObject& object, const char* rate_key, const char* burst_key) {
  int64_t rate = object.Integer(rate_key), burst = object.Integer(burst_key);
  if (rate < 0) return Bad(std::string("bandwidth.") + rate_key, std::to_string(rate) + " is negative");
  if (burst < 0) return Bad(std::string("bandwidth.") + burst_key, std::to_string(burst) + " is negative");
  if (rate == 0 && burst > 0) return Bad(std::string("bandwidth.") + burst_key, "there is no rate with it");
  return RateLimit{static_cast<uint64_t>(rate), static_cast<uint64_t>(burst)};
}

Result<TrafficLimits> ParseBandwidth(JsonObject object) {
  TrafficLimits limits;
  limits.ingress = TRY(ParseRate(object, "ingressRate", "ingressBurst"));
  limits.egress = TRY(ParseRate(object, "egressRate", "egressBurst"));
  return limits;
}

Result<RuntimeWishes> ParseWishes(JsonObject& config) {
  RuntimeWishes wishes;
  TRY(ParseCommonWishes(config.Object("args").Object("cni"), wishes));
  JsonObject runtime = config.Object("runtimeConfig");
  TRY(ParseCommonWishes(runtime, wishes));
  wishes.ports_json = runtime.Raw("portMappings");
  wishes.ports = TRY(ParsePortMappings(wishes.ports_json));
  JsonObject dns = runtime.Object("dns");
  if (runtime.Has("dns"))
    wishes.dns = ResultDns{dns.Strings("servers"), "", dns.Strings("searches"), dns.Strings("options")};
  wishes.limits = TRY(ParseBandwidth(runtime.Object("bandwidth")));
  return wishes;
}

Result<uint32_t> ParseMtu(JsonObject& object) {
  int64_t mtu = object.Integer("mtu");
  if (mtu < 0 || mtu > std::numeric_limits<uint32_t>::max()) return Bad("mtu", std::to_string(mtu));
  return static_cast<uint32_t>(mtu);
}

void NameBridge(JsonObject& object, const std::string& network, BridgeConfig& bridge) {
  bridge.name = object.String("bridge");
  if (bridge.name.empty()) bridge.name = kDefaultBridge;
  bridge.table = kTablePrefix + network;
}

Result<BridgeConfig> ParseBridge(JsonObject& object, const std::string& network) {
  BridgeConfig bridge;
  NameBridge(object, network, bridge);
  bridge.mtu = TRY(ParseMtu(object));
  bridge.masquerade = object.Boolean("ipMasq");
  for (const std::string& subnet : object.Strings("noMasquerade"))
    bridge.no_masquerade.push_back(TRY(ParseSubnet(subnet)));
  bridge.own_tables = false;  // an owner would have to go on running
  TRY(CheckConfig(bridge));
  return bridge;
}

// Older clients of GC use the second name. Go writes an empty list as null, which JsonObject reads as absent.
Result<std::optional<std::vector<AttachmentName>>> ParseValidAttachments(JsonObject& object,
                                                                         std::string_view text) {
  nlohmann::json whole = TRY(ParseJson(text, "network configuration"));
  bool given = false;
  std::vector<AttachmentName> valid;
  for (const char* key : {"cni.dev/attachments", "cni.dev/valid-attachments"}) {
    if (!whole.contains(key)) continue;
    given = true;
    valid.clear();
    for (JsonObject& attachment : object.Objects(key))
      valid.push_back({attachment.String("containerID"), attachment.String("ifname")});
  }
  return given ? std::optional(std::move(valid)) : std::nullopt;
}

Result<std::string> ParseDataDir(JsonObject& object) {
  std::string dir = object.Has("dataDir") ? object.String("dataDir") : kDefaultDataDir;
  if (!dir.starts_with('/')) return Bad("dataDir", dir + " is not an absolute path");
  return dir;
}

// What needs the host to be the pods' gateway.
Result<> CheckGateway(const NetworkConfig& config) {
  if (config.is_gateway) return {};
  if (config.bridge.masquerade) return Bad("ipMasq", "it needs isGateway");
  if (!config.wishes.ports.empty()) return Bad("runtimeConfig.portMappings", "host ports need isGateway");
  return {};
}

Result<> CheckGatewayHasAddresses(const NetworkConfig& config) {
  if (!config.is_gateway || config.ipam.IsBuiltIn() || !config.ipam.plugin.empty()) return {};
  return Bad("isGateway", "the network has no ipam that gives it addresses");
}

}  // namespace

Result<std::vector<PortMapping>> ParsePortMappings(const std::string& json) {
  std::vector<PortMapping> mappings;
  if (json.empty()) return mappings;
  JsonObject object = TRY(JsonObject::Parse("{\"portMappings\":" + json + "}", "portMappings"));
  for (const JsonObject& mapping : object.Objects("portMappings"))
    mappings.push_back(TRY(ParsePortMapping(mapping)));
  TRY(object.Check());
  return mappings;
}

Result<std::string> VersionOf(std::string_view text) {
  JsonObject object = TRY(JsonObject::Parse(text, "network configuration"));
  std::string version = object.String("cniVersion");
  TRY(object.Check());
  return version;
}

Result<NetworkConfig> ParseNetworkConfig(std::string_view text) {
  JsonObject object = TRY(JsonObject::Parse(text, "network configuration"));
  NetworkConfig config{.version = object.String("cniVersion"), .name = object.String("name")};
  TRY(CheckName(config.name));
  TRY(RefuseUnsupported(object));
  config.bridge = TRY(ParseBridge(object, config.name));
  config.default_gateway = object.Boolean("isDefaultGateway");
  config.is_gateway = object.Boolean("isGateway") || config.default_gateway;
  config.port = {.hairpin = config.is_gateway || object.Boolean("hairpinMode"),
                 .isolated = object.Boolean("portIsolation")};
  config.ipam = TRY(ParseIpam(object.Object("ipam")));
  config.dns = ParseDns(object.Object("dns"));
  config.data_dir = TRY(ParseDataDir(object));
  config.wishes = TRY(ParseWishes(object));
  if (std::string previous = object.Raw("prevResult"); !previous.empty())
    config.previous = TRY(ParseResult(previous, "prevResult"));
  TRY(object.Check());
  TRY(CheckGateway(config));
  TRY(CheckGatewayHasAddresses(config));
  config.text = text;
  return config;
}

Result<NetworkConfig> ParseDetachConfig(std::string_view text) {
  JsonObject object = TRY(JsonObject::Parse(text, "network configuration"));
  NetworkConfig config{.version = object.String("cniVersion"), .name = object.String("name")};
  TRY(CheckName(config.name));
  NameBridge(object, config.name, config.bridge);
  config.ipam.plugin = TRY(ParseIpamPlugin(object.Object("ipam")));
  config.data_dir = TRY(ParseDataDir(object));
  config.valid = TRY(ParseValidAttachments(object, text));
  TRY(object.Check());
  config.text = text;
  return config;
}

}  // namespace davit::cni
