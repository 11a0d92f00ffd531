// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/config/handlers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace davit::cri {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(HandlersTest, TheDefaultIsAlwaysThere) {
  Handlers handlers({});
  EXPECT_TRUE(handlers.Find(""));
  EXPECT_THAT(handlers.Names(), ElementsAre(""));
  Result<HandlerSettings> other = handlers.Find("runc");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Code::kNotFound);
  EXPECT_EQ(other.error().subject, "runtime_handler");
}

TEST(HandlersTest, AConfiguredNameIsFoundAndReported) {
  Handlers handlers({{"runc", {}}, {"davit", {}}});
  EXPECT_TRUE(handlers.Find("runc"));
  EXPECT_THAT(handlers.Names(), ElementsAre("", "davit", "runc"));
  Result<HandlerSettings> other = handlers.Find("kata");
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().ToString(), AllOf(HasSubstr("\"kata\""), HasSubstr("\"runc\"")));
}

}  // namespace
}  // namespace davit::cri
