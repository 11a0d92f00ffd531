// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/guarded.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace davit {
namespace {

TEST(Guarded, GivesWhatTheWorkReturns) {
  EXPECT_EQ(Guarded("count", "it", [] { return Result<int>(42); }), 42);
  EXPECT_EQ(
      Guarded("count", "it", []() -> Result<> { return Fail(Code::kNotFound, "look", "it"); }).error().code,
      Code::kNotFound);
}

TEST(Guarded, AnExceptionIsAnErrorWithItsText) {
  Result<int> counted =
      Guarded("count", "it", []() -> Result<int> { throw std::out_of_range("no such element"); });
  ASSERT_FALSE(counted);
  EXPECT_EQ(counted.error().code, Code::kInternal);
  EXPECT_EQ(counted.error().ToString(), "count it: unexpected exception: no such element");
}

TEST(Guarded, AnExceptionOfAnyTypeIsAnError) {
  EXPECT_EQ(Guarded("count", "it", []() -> Result<> { throw 42; }).error().ToString(),
            "count it: unexpected exception of an unknown type");
}

}  // namespace
}  // namespace davit
