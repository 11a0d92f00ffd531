// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The result of an ADD (SPEC.md of CNI v1.1.2, section 5), of versions 0.3.0 to 1.1.0.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json_object.h"
#include "cni/route.h"
#include "cni/subnet.h"

namespace davit::cni {

struct ResultInterface {
  std::string name;
  std::string mac = {};
  uint32_t mtu = 0;              // 0: not said
  std::string sandbox = {};      // path of the network namespace; empty: the host's
  std::string socket_path = {};  // of interfaces that other plugins have made
  std::string pci_id = {};
};

struct ResultAddress {
  IpAddress address;
  int prefix = 0;
  std::optional<IpAddress> gateway;
  std::optional<size_t> interface;  // index in the list
};

struct ResultDns {
  std::vector<std::string> nameservers;
  std::string domain;
  std::vector<std::string> search;
  std::vector<std::string> options;

  bool IsEmpty() const { return nameservers.empty() && domain.empty() && search.empty() && options.empty(); }
};

struct CniResult {
  std::vector<ResultInterface> interfaces;
  std::vector<ResultAddress> addresses;
  std::vector<Route> routes;
  ResultDns dns;
};

// kInvalidArgument: not a result. `what` names it in the error.
Result<CniResult> ParseResult(std::string_view text, std::string_view what);

// `object` is {"dst": "0.0.0.0/0", "gw": ...}; as in a result, in `ipam.routes`.
Result<Route> ParseRouteObject(JsonObject object);
ResultDns ParseDns(JsonObject object);

// "10.1.0.5/16"; without a length that of one address.
Result<ResultAddress> ParseAddressWithPrefix(std::string_view text);

std::string PrintResult(const CniResult& result, std::string_view version);

// `previous`, which another plugin of the chain has made, and what `added` adds to it.
CniResult Joined(CniResult previous, const CniResult& added);

}  // namespace davit::cni
