// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The messages of the DNS protocol (RFC 1035, RFC 6891) that a responder reads and writes. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cni/subnet.h"

namespace davit::dns {

// What one packet of a query may have; queries of resolvers are much smaller.
inline constexpr size_t kMostQueryBytes = 4'096;
// The largest answer over UDP, as RFC 9715 advises: it is never fragmented, and a query with a forged source
// address yields no more than this. A client that wants all of a longer one asks again over TCP.
inline constexpr size_t kMostUdpBytes = 1'232;
inline constexpr size_t kHeaderBytes = 12;

// Numbers of the protocol, as IANA keeps them.
enum class Rcode : uint8_t {
  kNoError = 0,
  kFormatError = 1,
  kServerFailure = 2,
  kNoSuchName = 3,
  kNotImplemented = 4,
  kRefused = 5,
};
inline constexpr uint16_t kTypeA = 1, kTypeNs = 2, kTypeSoa = 6, kTypePtr = 12, kTypeAaaa = 28, kTypeDs = 43,
                          kTypeDnskey = 48, kTypeIxfr = 251, kTypeAxfr = 252, kTypeAny = 255;

// A query with one question of class IN.
struct Query {
  std::string bytes;  // as received
  uint16_t id = 0;
  std::string name;  // in lower case, without the dot at the end; empty: the root
  uint16_t type = 0;
  size_t question_end = 0;       // offset behind the question in `bytes`
  bool wants_recursion = false;  // RD
  bool has_edns = false;
  size_t room = 512;  // the largest answer that the client takes over UDP, at most kMostUdpBytes
};

struct Reading {
  std::optional<Query> query;
  std::string refusal;  // the answer to a packet that is no such query; empty: it deserves none
};

// Reads any bytes. Answers get no answer, so that two responders cannot keep each other busy.
Reading ReadQuery(std::string_view packet);

// What an answer says.
struct Content {
  Rcode code = Rcode::kNoError;
  std::vector<cni::IpAddress> addresses = {};  // for a question of type A or AAAA; others are left out
  std::vector<std::string> names = {};         // for one of type PTR
};

enum class Transport : uint8_t { kUdp, kTcp };

// The answer to a query, with a time to live of 0: addresses change when containers start. What does not fit
// in a packet of the client's is left out, and the answer marked as truncated.
std::string WriteAnswer(const Query& query, const Content& content, Transport transport);

// Whether `packet` answers `query` if that was sent with this id: an answer that does not repeat the question
// may be forged.
bool IsAnswerTo(const Query& query, uint16_t id, std::string_view packet);
// The answer of another resolver, for the client.
std::string PassOn(const Query& query, std::string answer, Transport transport);

uint16_t IdOf(std::string_view packet);  // of at least two bytes
void SetId(std::string& packet, uint16_t id);

// "7.0.89.10.in-addr.arpa" gives 10.89.0.7; nullopt unless the name is that of one address.
std::optional<cni::IpAddress> AddressInReverseName(std::string_view name);

}  // namespace davit::dns
