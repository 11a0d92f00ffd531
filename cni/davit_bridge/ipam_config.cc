// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/davit_bridge/ipam_config.h"

#include <algorithm>
#include <optional>

#include "base/json.h"
#include "base/json_object.h"
#include "cni/davit_bridge/result.h"

namespace davit::cni {
namespace {

constexpr char kStep[] = "read ipam";
constexpr char kOwnType[] = "davit-bridge";

std::unexpected<Error> Bad(const std::string& subject, std::string_view why) {
  return Fail(Code::kInvalidArgument, kStep, subject, why);
}

// A host address of the subnet, neither the first nor the last of all.
Result<std::optional<IpAddress>> HostAddress(JsonObject& object, const char* name, const Subnet& subnet) {
  std::string text = object.String(name);
  if (text.empty()) return std::optional<IpAddress>();
  IpAddress address = TRY(IpAddress::Parse(text));
  if (!subnet.Contains(address)) return Bad(name, text + " is not in " + subnet.ToString());
  uint64_t offset = subnet.OffsetOf(address);
  bool last = subnet.HostBits() < 64 && offset == (uint64_t{1} << subnet.HostBits()) - 1;
  if (offset == 0 || offset == UINT64_MAX || last)
    return Bad(name, text + " is not an address for a host of " + subnet.ToString());
  return std::optional(address);
}

Result<AddressRange> ParseRange(JsonObject object) {
  AddressRange range;
  std::string text = object.String("subnet");
  if (text.empty()) return Bad("range", "it has no subnet");
  range.subnet = TRY(ParseSubnet(text));
  if (range.subnet.HostBits() < 2) return Bad(text, "the subnet is too small");
  range.limits.first = TRY(HostAddress(object, "rangeStart", range.subnet));
  range.limits.last = TRY(HostAddress(object, "rangeEnd", range.subnet));
  range.limits.gateway = TRY(HostAddress(object, "gateway", range.subnet));
  return range;
}

// As host-local, a range may also start at the first host address if the gateway is another one.
Result<> CompleteRange(AddressRange& range) {
  IpAddress first = range.subnet.AddressAt(1);
  if (!range.limits.first) range.limits.first = range.gateway() != first ? first : range.subnet.AddressAt(2);
  if (!range.limits.last || *range.limits.first <= *range.limits.last) return {};
  return Bad(range.subnet.ToString(), "rangeEnd is before the start of the range");
}

Result<> AddSet(RangeSet set, std::vector<RangeSet>& sets) {
  if (set.empty()) return Bad("ranges", "a set is empty");
  for (AddressRange& range : set) TRY(CompleteRange(range));
  for (const AddressRange& range : set)
    if (range.subnet != set.front().subnet || range.gateway() != set.front().gateway())
      return Fail(Code::kUnimplemented, kStep, "ranges " + range.subnet.ToString(),
                  "ranges of one set must have one subnet and one gateway");
  int family = set.front().subnet.base.family;
  for (const RangeSet& other : sets)
    if (other.front().subnet.base.family == family)
      return Fail(Code::kUnimplemented, kStep, "ranges " + set.front().subnet.ToString(),
                  "two sets of one address family");
  sets.push_back(std::move(set));
  return {};
}

// `ranges` is a list of lists, and JsonObject reads lists of objects.
Result<> ParseRanges(const std::string& text, std::vector<RangeSet>& sets) {
  nlohmann::json lists = TRY(ParseJson(text, "ranges"));
  if (!lists.is_array()) return Bad("ranges", "not a list of lists");
  for (const nlohmann::json& list : lists) {
    if (!list.is_array()) return Bad("ranges", "not a list of lists");
    RangeSet set;
    for (const nlohmann::json& range : list) {
      JsonObject object = TRY(JsonObject::Parse(PrintJson(range), "range"));
      set.push_back(TRY(ParseRange(object)));
      TRY(object.Check());
    }
    TRY(AddSet(std::move(set), sets));
  }
  return {};
}

Result<> RefuseUnsupported(JsonObject& object) {
  for (const char* key : {"resolvConf", "dataDir"})
    if (std::string value = object.String(key); !value.empty())
      return Fail(Code::kUnimplemented, kStep, std::string("ipam.") + key, "unsupported value " + value);
  return {};
}

}  // namespace

Result<std::string> ParseIpamPlugin(JsonObject object) {
  std::string plugin = object.String("type");
  if (plugin == kOwnType) return std::string();
  if (plugin.contains('/') || plugin.starts_with('.')) return Bad("ipam.type " + plugin, "not a file name");
  return plugin;
}

Result<IpamConfig> ParseIpam(JsonObject object) {
  IpamConfig ipam{.plugin = TRY(ParseIpamPlugin(object))};
  if (!ipam.plugin.empty()) return ipam;
  bool required = !object.String("type").empty();
  TRY(RefuseUnsupported(object));
  if (object.Has("subnet")) {
    AddressRange range = TRY(ParseRange(object));
    TRY(AddSet({range}, ipam.sets));
  }
  if (std::string ranges = object.Raw("ranges"); !ranges.empty()) TRY(ParseRanges(ranges, ipam.sets));
  for (const JsonObject& route : object.Objects("routes"))
    ipam.routes.push_back(TRY(ParseRouteObject(route)));
  if (required && ipam.sets.empty()) return Bad("ipam", "it has neither subnet nor ranges");
  auto family = [](const RangeSet& set) { return set.front().subnet.base.family; };
  std::ranges::sort(ipam.sets, {}, family);
  return ipam;
}

}  // namespace davit::cni
