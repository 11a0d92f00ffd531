// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/davit_bridge/result.h"

#include <charconv>
#include <limits>
#include <utility>

#include "base/json.h"
#include "base/json_object.h"
#include "cni/davit_bridge/versions.h"

namespace davit::cni {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kSinceRouteMetrics = "1.1.0", kSinceInterfaceMtu = "1.1.0";
constexpr std::string_view kSinceAddressWithoutVersion = "1.0.0";

Result<uint32_t> Number(JsonObject& object, const char* name) {
  int64_t value = object.Integer(name);
  if (value < 0 || value > std::numeric_limits<uint32_t>::max())
    return Fail(Code::kInvalidArgument, "read number", name, std::to_string(value) + " is out of range");
  return static_cast<uint32_t>(value);
}

Result<ResultInterface> ParseInterface(JsonObject object) {
  ResultInterface interface;
  interface.name = object.String("name");
  interface.mac = object.String("mac");
  interface.mtu = TRY(Number(object, "mtu"));
  interface.sandbox = object.String("sandbox");
  interface.socket_path = object.String("socketPath");
  interface.pci_id = object.String("pciID");
  return interface;
}

Result<ResultAddress> ParseAddressObject(JsonObject object) {
  ResultAddress address = TRY(ParseAddressWithPrefix(object.String("address")));
  if (std::string gateway = object.String("gateway"); !gateway.empty())
    address.gateway = TRY(IpAddress::Parse(gateway));
  if (object.Has("interface")) address.interface = TRY(Number(object, "interface"));
  return address;
}

void PutUnlessEmpty(Json& object, const char* name, const std::string& text) {
  if (!text.empty()) SetJsonMember(object, name, text);
}

void PutUnlessEmpty(Json& object, const char* name, const std::vector<std::string>& texts) {
  if (!texts.empty()) SetJsonMember(object, name, texts);
}

void PutUnlessZero(Json& object, const char* name, uint32_t number) {
  if (number != 0) SetJsonMember(object, name, number);
}

Json InterfaceJson(const ResultInterface& interface, std::string_view version) {
  Json object = {{"name", interface.name}};
  PutUnlessEmpty(object, "mac", interface.mac);
  PutUnlessEmpty(object, "sandbox", interface.sandbox);
  if (!IsSince(version, kSinceInterfaceMtu)) return object;
  PutUnlessZero(object, "mtu", interface.mtu);
  PutUnlessEmpty(object, "socketPath", interface.socket_path);
  PutUnlessEmpty(object, "pciID", interface.pci_id);
  return object;
}

Json AddressJson(const ResultAddress& address, std::string_view version) {
  Json object = {{"address", address.address.ToString() + "/" + std::to_string(address.prefix)}};
  if (address.gateway) SetJsonMember(object, "gateway", address.gateway->ToString());
  if (address.interface) SetJsonMember(object, "interface", *address.interface);
  if (!IsSince(version, kSinceAddressWithoutVersion))
    SetJsonMember(object, "version", address.address.family == AF_INET ? "4" : "6");
  return object;
}

Json RouteJson(const Route& route, std::string_view version) {
  Json object = {{"dst", route.destination.ToString()}};
  if (!route.gateway.IsUnspecified()) SetJsonMember(object, "gw", route.gateway.ToString());
  if (!IsSince(version, kSinceRouteMetrics)) return object;
  PutUnlessZero(object, "mtu", route.mtu);
  PutUnlessZero(object, "advmss", route.advmss);
  PutUnlessZero(object, "priority", route.priority);
  PutUnlessZero(object, "table", route.table);
  PutUnlessZero(object, "scope", route.scope);
  return object;
}

Json DnsJson(const ResultDns& dns) {
  Json object = Json::object();
  PutUnlessEmpty(object, "nameservers", dns.nameservers);
  PutUnlessEmpty(object, "domain", dns.domain);
  PutUnlessEmpty(object, "search", dns.search);
  PutUnlessEmpty(object, "options", dns.options);
  return object;
}

}  // namespace

Result<ResultAddress> ParseAddressWithPrefix(std::string_view text) {
  ResultAddress parsed;
  size_t slash = text.find('/');
  parsed.address = TRY(IpAddress::Parse(text.substr(0, slash)));
  int bits = static_cast<int>(parsed.address.size()) * 8;
  parsed.prefix = bits;
  if (slash == text.npos) return parsed;
  std::string_view length = text.substr(slash + 1);
  auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), parsed.prefix);
  if (error == std::errc{} && end == length.data() + length.size() && parsed.prefix >= 0 &&
      parsed.prefix <= bits)
    return parsed;
  return Fail(Code::kInvalidArgument, "parse address", text, "bad prefix length");
}

Result<Route> ParseRouteObject(JsonObject object) {
  Route route;
  ResultAddress destination = TRY(ParseAddressWithPrefix(object.String("dst")));
  route.destination = SubnetOf(destination.address, destination.prefix);
  route.gateway.family = destination.address.family;
  if (std::string gateway = object.String("gw"); !gateway.empty())
    route.gateway = TRY(IpAddress::Parse(gateway));
  if (route.gateway.family != destination.address.family)
    return Fail(Code::kInvalidArgument, "read route", route.destination.ToString(),
                "the gateway " + route.gateway.ToString() + " is of the other address family");
  route.mtu = TRY(Number(object, "mtu"));
  route.advmss = TRY(Number(object, "advmss"));
  route.priority = TRY(Number(object, "priority"));
  route.table = TRY(Number(object, "table"));
  route.scope = static_cast<uint8_t>(TRY(Number(object, "scope")));
  return route;
}

ResultDns ParseDns(JsonObject object) {
  return {object.Strings("nameservers"), object.String("domain"), object.Strings("search"),
          object.Strings("options")};
}

Result<CniResult> ParseResult(std::string_view text, std::string_view what) {
  JsonObject object = TRY(JsonObject::Parse(text, what));
  CniResult result;
  for (const JsonObject& interface : object.Objects("interfaces"))
    result.interfaces.push_back(TRY(ParseInterface(interface)));
  for (const JsonObject& address : object.Objects("ips"))
    result.addresses.push_back(TRY(ParseAddressObject(address)));
  for (const JsonObject& route : object.Objects("routes"))
    result.routes.push_back(TRY(ParseRouteObject(route)));
  result.dns = ParseDns(object.Object("dns"));
  TRY(object.Check());
  return result;
}

std::string PrintResult(const CniResult& result, std::string_view version) {
  Json object = {{"cniVersion", std::string(version)}};
  Json interfaces = Json::array(), addresses = Json::array(), routes = Json::array();
  for (const ResultInterface& interface : result.interfaces)
    interfaces.push_back(InterfaceJson(interface, version));
  for (const ResultAddress& address : result.addresses) addresses.push_back(AddressJson(address, version));
  for (const Route& route : result.routes) routes.push_back(RouteJson(route, version));
  if (!interfaces.empty()) SetJsonMember(object, "interfaces", std::move(interfaces));
  if (!addresses.empty()) SetJsonMember(object, "ips", std::move(addresses));
  if (!routes.empty()) SetJsonMember(object, "routes", std::move(routes));
  SetJsonMember(object, "dns", DnsJson(result.dns));
  return PrintJson(object, /*indent=*/2) + "\n";
}

CniResult Joined(CniResult previous, const CniResult& added) {
  size_t offset = previous.interfaces.size();
  for (ResultAddress address : added.addresses) {
    if (address.interface) *address.interface += offset;
    previous.addresses.push_back(address);
  }
  previous.interfaces.insert(previous.interfaces.end(), added.interfaces.begin(), added.interfaces.end());
  previous.routes.insert(previous.routes.end(), added.routes.begin(), added.routes.end());
  if (!added.dns.IsEmpty()) previous.dns = added.dns;
  return previous;
}

}  // namespace davit::cni
