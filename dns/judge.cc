// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "dns/judge.h"

#include <algorithm>
#include <array>
#include <optional>
#include <random>

namespace davit::dns {
namespace {

// Questions that another resolver would answer with very much, or with more than one message.
bool IsRefused(uint16_t type) {
  return type == kTypeAxfr || type == kTypeIxfr || type == kTypeAny;
}

// A validating resolver asks these about the root and about top-level domains.
bool IsAboutZones(uint16_t type) {
  constexpr std::array kTypes = {kTypeNs, kTypeSoa, kTypeDs, kTypeDnskey};
  return std::ranges::find(kTypes, type) != kTypes.end();
}

// Clients take the first address: members of the same name get their turns.
void Shuffle(std::vector<cni::IpAddress>& addresses) {
  thread_local std::minstd_rand random{std::random_device{}()};
  std::ranges::shuffle(addresses, random);
}

std::optional<Content> OfAddress(const Query& query, const Zone& zone, const Names& names) {
  if (query.type != kTypePtr) return std::nullopt;
  std::optional<cni::IpAddress> address = AddressInReverseName(query.name);
  if (!address) return std::nullopt;
  if (std::optional<std::string> name = names.NameOf(*address)) return Content{Rcode::kNoError, {}, {*name}};
  bool ours =
      std::ranges::any_of(zone.subnets, [&](const cni::Subnet& subnet) { return subnet.Contains(*address); });
  return ours ? std::optional(Content{Rcode::kNoSuchName}) : std::nullopt;
}

std::optional<Content> Known(const Query& query, const Zone& zone, const Names& names) {
  if (IsRefused(query.type)) return Content{Rcode::kRefused};
  if (std::optional<Content> content = OfAddress(query, zone, names)) return content;
  if (auto addresses = names.Find(query.name)) {
    Shuffle(*addresses);
    return Content{Rcode::kNoError, std::move(*addresses)};
  }
  bool one_label = !query.name.contains('.');
  if (!zone.forwards || (one_label && !IsAboutZones(query.type))) return Content{Rcode::kNoSuchName};
  if (!query.wants_recursion) return Content{Rcode::kRefused};
  return std::nullopt;
}

}  // namespace

Verdict Judge(std::string_view packet, Transport transport, const Zone& zone, const Names& names) {
  Reading reading = ReadQuery(packet);
  if (!reading.query) {
    Verdict::Kind kind = reading.refusal.empty() ? Verdict::Kind::kIgnore : Verdict::Kind::kAnswer;
    return {kind, std::move(reading.refusal), {}};
  }
  if (std::optional<Content> content = Known(*reading.query, zone, names))
    return {Verdict::Kind::kAnswer, WriteAnswer(*reading.query, *content, transport), {}};
  return {Verdict::Kind::kForward, {}, std::move(*reading.query)};
}

}  // namespace davit::dns
