// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/davit_bridge/address_choice.h"

#include <gmock/gmock.h>

#include "base/json_object.h"

namespace davit::cni {
namespace {

using ::testing::HasSubstr;

IpAddress Ip(const std::string& text) {
  return IpAddress::Parse(text).value();
}

IpamConfig Ipam(const std::string& text) {
  return ParseIpam(JsonObject::Parse(text, "ipam").value()).value();
}

std::string Chosen(const IpamConfig& ipam, const std::vector<Lease>& leases,
                   const std::vector<IpAddress>& requested = {}, const std::vector<IpAddress>& last = {}) {
  Result<std::vector<ResultAddress>> chosen = ChooseAddresses(ipam, leases, requested, last);
  if (!chosen) return chosen.error().ToString();
  std::string text;
  for (const ResultAddress& a : *chosen)
    text += (text.empty() ? "" : " ") + a.address.ToString() + "/" + std::to_string(a.prefix) + " via " +
            a.gateway->ToString();
  return text;
}

const Lease kLease{{"one", "eth0"}, {Ip("10.1.0.2"), Ip("fd00::2")}};

TEST(AddressChoice, TakesOneOfEachSetBehindTheLast) {
  IpamConfig ipam = Ipam(R"({"ranges": [[{"subnet": "fd00::/64"}], [{"subnet": "10.1.0.0/24"}]]})");
  EXPECT_EQ(Chosen(ipam, {}), "10.1.0.2/24 via 10.1.0.1 fd00::2/64 via fd00::1");
  EXPECT_EQ(Chosen(ipam, {kLease}), "10.1.0.3/24 via 10.1.0.1 fd00::3/64 via fd00::1");
  EXPECT_EQ(Chosen(ipam, {kLease}, {}, {Ip("10.1.0.9"), Ip("fd00::9")}),
            "10.1.0.10/24 via 10.1.0.1 fd00::a/64 via fd00::1");
  EXPECT_EQ(Chosen(ipam, {kLease}, {}, {Ip("10.1.0.254")}),
            "10.1.0.3/24 via 10.1.0.1 fd00::3/64 via fd00::1");
}

TEST(AddressChoice, GoesToTheNextRangeOfASetWhenOneIsFull) {
  IpamConfig ipam = Ipam(R"({"ranges": [[
      {"subnet": "10.1.0.0/24", "rangeStart": "10.1.0.2", "rangeEnd": "10.1.0.2"},
      {"subnet": "10.1.0.0/24", "rangeStart": "10.1.0.70", "rangeEnd": "10.1.0.71"}]]})");
  EXPECT_EQ(Chosen(ipam, {}), "10.1.0.2/24 via 10.1.0.1");
  EXPECT_EQ(Chosen(ipam, {kLease}), "10.1.0.70/24 via 10.1.0.1");
  EXPECT_EQ(Chosen(ipam, {}, {Ip("10.1.0.71")}), "10.1.0.71/24 via 10.1.0.1");
}

TEST(AddressChoice, NeverGivesTheGateway) {
  IpamConfig ipam = Ipam(R"({"subnet": "10.1.0.0/29", "gateway": "10.1.0.3"})");
  std::vector<Lease> leases;
  for (const char* address : {"10.1.0.1", "10.1.0.2", "10.1.0.4", "10.1.0.5", "10.1.0.6"}) {
    EXPECT_THAT(Chosen(ipam, leases), HasSubstr(std::string(address) + "/29 via 10.1.0.3"));
    leases.push_back({{address, "eth0"}, {Ip(address)}});
  }
  EXPECT_THAT(Chosen(ipam, leases), HasSubstr("every address is in use"));
  EXPECT_THAT(Chosen(ipam, {}, {Ip("10.1.0.3")}), HasSubstr("not an address for pods"));
}

TEST(AddressChoice, SaysWhyARequestedAddressCannotBeHad) {
  IpamConfig ipam = Ipam(R"({"subnet": "10.1.0.0/24", "rangeEnd": "10.1.0.99"})");
  EXPECT_THAT(Chosen(ipam, {kLease}, {Ip("10.1.0.2")}), HasSubstr("container one has it"));
  EXPECT_THAT(Chosen(ipam, {}, {Ip("10.1.0.100")}), HasSubstr("10.1.0.100"));
  EXPECT_THAT(Chosen(ipam, {}, {Ip("10.2.0.1")}), HasSubstr("in none of the ranges"));
  EXPECT_THAT(Chosen(ipam, {}, {Ip("10.1.0.5"), Ip("10.1.0.6")}), HasSubstr("a second one beside 10.1.0.5"));
}

}  // namespace
}  // namespace davit::cni
