// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/service/admission.h"

#include <gmock/gmock.h>

#include <vector>

namespace davit::cri {
namespace {

using ::testing::HasSubstr;

constexpr Admission::Limits kTwoOfEach = {2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2};

TEST(Admission, AFullClassRefusesWithASentenceAndLeavesTheOthersTheirRoom) {
  Admission admission(kTwoOfEach);
  std::vector<Admission::Place> starts;
  for (int i = 0; i < 2; ++i) starts.push_back(admission.Enter(CallClass::kStart).value());
  Result<Admission::Place> refused = admission.Enter(CallClass::kStart);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kResourceExhausted);
  EXPECT_THAT(refused.error().ToString(), HasSubstr("starts: 2 of them are in progress; try again later"));
  EXPECT_TRUE(admission.Enter(CallClass::kLook));
  EXPECT_TRUE(admission.Enter(CallClass::kStop));
  EXPECT_TRUE(admission.Enter(CallClass::kRemove));
}

TEST(Admission, APlaceIsGivenBackOnce) {
  Admission admission(kTwoOfEach);
  {
    Admission::Place place = admission.Enter(CallClass::kExec).value();
    Admission::Place moved = std::move(place);
    Admission::Place refused_ones_leave_no_trace;
    EXPECT_TRUE(admission.Enter(CallClass::kExec));
  }
  std::vector<Admission::Place> places;
  for (int i = 0; i < 2; ++i) places.push_back(admission.Enter(CallClass::kExec).value());
  EXPECT_FALSE(admission.Enter(CallClass::kExec));
  places.pop_back();
  EXPECT_TRUE(admission.Enter(CallClass::kExec));
}

TEST(Admission, ExecsLeaveHalfOfTheDescriptorsToTheRest) {
  EXPECT_EQ(Admission::DefaultLimits(1024)[static_cast<size_t>(CallClass::kExec)], 64);
  EXPECT_EQ(Admission::DefaultLimits(1 << 20)[static_cast<size_t>(CallClass::kExec)], 4096);
}

// Or the heap would not be trimmed while somebody waits for a container, which may be for ever.
TEST(Admission, WhatLastsAsLongAsAClientWantsIsNotBusy) {
  Admission admission(kTwoOfEach);
  std::vector<Admission::Place> places;
  for (CallClass lasting : {CallClass::kWait, CallClass::kCommand, CallClass::kWatch})
    places.push_back(admission.Enter(lasting).value());
  EXPECT_FALSE(admission.busy());
  places.push_back(admission.Enter(CallClass::kLook).value());
  EXPECT_TRUE(admission.busy());
}

TEST(Admission, ANodesContainersCanAllStopAtOnce) {
  EXPECT_GE(Admission::DefaultLimits(1 << 20)[static_cast<size_t>(CallClass::kStop)], 1024);
}

}  // namespace
}  // namespace davit::cri
