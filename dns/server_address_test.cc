// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "dns/server_address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace davit::dns {
namespace {

using testing::ElementsAre;

cni::IpAddress Ip(const char* text) {
  return cni::IpAddress::Parse(text).value();
}

TEST(ResolvConf, GivesTheFirstThreeServers) {
  ResolvConf conf = ParseResolvConf(
      "# nameserver 192.0.2.1\nnameserver 192.0.2.2 # first\n\nnameserver  2001:db8::53\nnameserver "
      "nonsense\n"
      "nameserver fe80::1%lo\nnameserver 192.0.2.5\noptions ndots:1\nsearch a.example b.example\n");
  EXPECT_THAT(conf.servers, ElementsAre(ServerAddress{Ip("192.0.2.2")}, ServerAddress{Ip("2001:db8::53")},
                                        ServerAddress{Ip("fe80::1"), 1}));
  EXPECT_THAT(conf.searches, ElementsAre("a.example", "b.example"));
  EXPECT_THAT(ParseResolvConf("search a.example\ndomain b.example").searches, ElementsAre("b.example"));
  EXPECT_THAT(ParseResolvConf("").servers, ElementsAre());
}

}  // namespace
}  // namespace davit::dns
