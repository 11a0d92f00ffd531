// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Requests and commands for a shim whose connection breaks or that does not read.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cri/shims/testing/shim_client_fixture.h"

namespace davit::cri {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

TEST_F(ShimClientTest, WhatIsUnderWayFailsWithTheConnection) {
  Open(ShimClient::First::kNothing);
  auto start = std::async(std::launch::async, [this] {
    return client_->StartContainer({"c1", 1000, "plan", {}}, Soon()).error();
  });
  Expect(shim::ShimMessage::kStartContainer);
  shim_.Reset();
  EXPECT_EQ(start.get().code, Code::kUnavailable);
}

TEST_F(ShimClientTest, ARequestWaitsForTheNextConnection) {
  Open(ShimClient::First::kNothing);
  refuses_ = true;
  shim_.Reset();
  ASSERT_TRUE(refused_.Take()) << "from here on there is no connection";
  auto reopened = std::async(std::launch::async, [this] { return client_->ReopenLog("c1", 0, Soon()); });
  refuses_ = false;
  Accept();
  AnswerHello(Plain());  // goes first, although a request waits
  Send(shim::ShimMessage::kDone, Expect(shim::ShimMessage::kReopenLog).request_id, "");
  auto result = reopened.get();
  EXPECT_TRUE(result) << result.error().ToString();
}

TEST_F(ShimClientTest, ACommandWaitsForTheNextConnection) {
  Open(ShimClient::First::kNothing);
  refuses_ = true;
  shim_.Reset();
  ASSERT_TRUE(refused_.Take()) << "from here on there is no connection";
  auto handed = std::async(std::launch::async, [this] { return client_->HandExec({}, Soon()); });
  refuses_ = false;
  Accept();
  AnswerHello(Plain());
  Expect(shim::ShimMessage::kExec);
  EXPECT_TRUE(handed.get());
}

TEST_F(ShimClientTest, ACommandDoesNotWaitForAConnectionUntilItsDeadline) {
  Open(ShimClient::First::kNothing);
  refuses_ = true;
  shim_.Reset();
  ASSERT_TRUE(refused_.Take());
  int64_t deadline = Soon();
  EXPECT_EQ(client_->HandExec({}, deadline).error().code, Code::kUnavailable);
  EXPECT_LT(MonotonicMilliseconds(), deadline - kPatienceMs / 2);
}

TEST_F(ShimClientTest, ACommandDoesNotWaitForRoomUntilItsDeadline) {
  Open(ShimClient::First::kNothing);
  FillSocket();
  int64_t deadline = Soon();
  EXPECT_EQ(client_->HandExec({}, deadline).error().code, Code::kUnavailable)
      << "kDeadlineExceeded would mean to the kubelet that the command was too slow";
  EXPECT_LT(MonotonicMilliseconds(), deadline - kPatienceMs / 2);
}

TEST_F(ShimClientTest, ACommandWithoutTimeIsTooLate) {
  Open(ShimClient::First::kNothing);
  FillSocket();
  EXPECT_EQ(client_->HandExec({}, MonotonicMilliseconds() + 20).error().code, Code::kDeadlineExceeded);
}

TEST_F(ShimClientTest, OnlyAFewCommandsWaitForAShimThatDoesNotRead) {
  Open(ShimClient::First::kNothing);
  FillSocket();
  EXPECT_THAT(ErrorsOfManyCommands(), Contains(HasSubstr("already wait")));
}

TEST_F(ShimClientTest, OnlyAFewCommandsWaitForAConnection) {
  Open(ShimClient::First::kNothing);
  refuses_ = true;
  shim_.Reset();
  ASSERT_TRUE(refused_.Take());
  EXPECT_THAT(ErrorsOfManyCommands(), Contains(HasSubstr("already wait")));
}

TEST_F(ShimClientTest, OneStreamWaitsForAShimThatDoesNotRead) {
  Open(ShimClient::First::kNothing);
  FillSocket();
  auto attach = [this] {
    std::promise<std::string> error;
    client_->Attach("c1", {}, {}, [&error](const Result<AttachedInput>& input) {
      error.set_value(input ? "" : input.error().ToString());
    });
    return error.get_future().get();
  };
  auto other = std::async(std::launch::async, attach);
  std::vector<std::string> errors = {attach(), other.get()};
  EXPECT_THAT(errors, UnorderedElementsAre(HasSubstr("already wait"), HasSubstr("does not read")));
}

}  // namespace
}  // namespace davit::cri
