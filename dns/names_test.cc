// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "dns/names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace davit::dns {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

cni::IpAddress Ip(const char* text) {
  return cni::IpAddress::Parse(text).value();
}

class NamesTest : public ::testing::Test {
 protected:
  NamesTest() {
    names_.Put({"1", {"Db", "db.main", "alias"}, {Ip("10.89.0.2"), Ip("fd00::2")}});
    names_.Put({"2", {"web", "alias"}, {Ip("10.89.0.3")}});
  }
  Names names_{"Back"};
};

TEST_F(NamesTest, AreFoundWithAndWithoutTheDomain) {
  for (const char* name : {"db", "db.back", "db.main", "db.main.back"})
    EXPECT_THAT(names_.Find(name).value(), ElementsAre(Ip("10.89.0.2"), Ip("fd00::2"))) << name;
  for (const char* name : {"", "back", ".back", "other", "db.main.other", "xdb"})
    EXPECT_FALSE(names_.Find(name)) << name;
}

TEST_F(NamesTest, ANameOfSeveralHasTheAddressesOfAll) {
  EXPECT_THAT(names_.Find("alias").value(),
              UnorderedElementsAre(Ip("10.89.0.2"), Ip("fd00::2"), Ip("10.89.0.3")));
  names_.Remove("1");
  EXPECT_THAT(names_.Find("alias").value(), ElementsAre(Ip("10.89.0.3")));
  EXPECT_FALSE(names_.Find("db"));
  names_.Remove("1");
  names_.Remove("2");
  EXPECT_FALSE(names_.Find("alias"));
}

TEST_F(NamesTest, AnAddressHasTheFirstName) {
  EXPECT_EQ(names_.NameOf(Ip("fd00::2")), "Db.back");
  EXPECT_FALSE(names_.NameOf(Ip("10.89.0.9")));
  names_.Put({"3", {"new"}, {Ip("10.89.0.2")}});
  names_.Remove("1");
  EXPECT_EQ(names_.NameOf(Ip("10.89.0.2")), "new.back") << "its new holder's";
}

TEST_F(NamesTest, AMemberIsReplacedAsAWhole) {
  names_.Put({"1", {"renamed"}, {Ip("10.89.0.4")}, {{Ip("192.0.2.53")}}});
  EXPECT_FALSE(names_.Find("db"));
  EXPECT_FALSE(names_.NameOf(Ip("10.89.0.2")));
  EXPECT_THAT(names_.ServersOf(Ip("10.89.0.4")), ElementsAre(ServerAddress{Ip("192.0.2.53")}));
  EXPECT_THAT(names_.ServersOf(Ip("10.89.0.3")), ElementsAre());
}

}  // namespace
}  // namespace davit::dns
