// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "streaming/status.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "streaming/window_size.h"

namespace davit::streaming {
namespace {

TEST(StreamEnd, AnExitCodeIsACauseFromVersion4On) {
  auto status = nlohmann::json::parse(EncodeStreamEnd(StreamEnd::Exited(137), 4));
  EXPECT_EQ(status["status"], "Failure");
  EXPECT_EQ(status["reason"], "NonZeroExitCode");
  EXPECT_EQ(status["details"]["causes"][0]["reason"], "ExitCode");
  EXPECT_EQ(status["details"]["causes"][0]["message"], "137");
  EXPECT_EQ(EncodeStreamEnd(StreamEnd::Exited(0), 5), R"({"status":"Success"})");
}

TEST(StreamEnd, OldClientsAreToldOfFailuresAlone) {
  EXPECT_EQ(EncodeStreamEnd(StreamEnd::Exited(0), 1), "");
  EXPECT_EQ(EncodeStreamEnd(StreamEnd::Exited(3), 3), "command terminated with non-zero exit code: 3");
  EXPECT_EQ(EncodeStreamEnd(StreamEnd::Failed("why"), 2), "why");
}

TEST(StreamEnd, AMessageOfAnyBytesIsStillJson) {
  auto status = nlohmann::json::parse(EncodeStreamEnd(StreamEnd::Failed("no \xff\"file\""), 4));
  EXPECT_EQ(status["reason"], "InternalError");
}

TEST(WindowSizeReader, TakesTheLastWholeSize) {
  WindowSizeReader reader;
  EXPECT_FALSE(reader.Consume(R"({"Width":80,"Hei)"));
  auto size = reader.Consume(R"(ght":24}{"Width":132,"Height":43}{"Width")");
  ASSERT_TRUE(size);
  EXPECT_EQ(size->columns, 132);
  EXPECT_EQ(size->rows, 43);
}

TEST(WindowSizeReader, PassesOverNonsense) {
  WindowSizeReader reader;
  EXPECT_FALSE(reader.Consume(std::string(100'000, 'x') + "}"));
  EXPECT_FALSE(reader.Consume(R"({"Width":-1,"Height":24}{"Width":70000,"Height":24}[1]})"));
  EXPECT_TRUE(reader.Consume(R"({"Width":1,"Height":2})"));
}

}  // namespace
}  // namespace davit::streaming
