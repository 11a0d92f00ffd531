// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/pods/life_stage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cri/pods/phases.h"

namespace davit::cri {
namespace {

namespace v1 = ::runtime::v1;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(LifeStage, EachStepIsToldOnceAndInOrder) {
  EXPECT_THAT(EventsBetween(LifeStage::kNone, LifeStage::kStarted),
              ElementsAre(v1::CONTAINER_CREATED_EVENT, v1::CONTAINER_STARTED_EVENT));
  EXPECT_THAT(EventsBetween(LifeStage::kCreated, LifeStage::kStopped),
              ElementsAre(v1::CONTAINER_STARTED_EVENT, v1::CONTAINER_STOPPED_EVENT))
      << "an end that overtook the answer to the start";
  EXPECT_THAT(EventsBetween(LifeStage::kStopped, LifeStage::kStopped), IsEmpty());
  EXPECT_THAT(EventsBetween(LifeStage::kStarted, LifeStage::kCreated), IsEmpty());
}

TEST(LifeStage, AStartThatFailedWasNone) {
  ContainerRecord record;
  record.phase = ContainerPhase::kExited;
  record.reason = phases::kStartErrorReason;
  EXPECT_THAT(EventsBetween(LifeStage::kCreated, StageOf(record), phases::FailedToStart(record)),
              ElementsAre(v1::CONTAINER_STOPPED_EVENT));
}

TEST(LifeStage, AContainerThatIsRemovedBeforeItsStartNeverStopped) {
  ContainerRecord record;
  record.phase = ContainerPhase::kRemoving;
  EXPECT_EQ(StageOf(record), LifeStage::kCreated);
  record.finished_at = 1;
  EXPECT_EQ(StageOf(record), LifeStage::kStopped);
}

TEST(LifeStage, APodStopsWhenItIsDownOrItsShimDied) {
  SandboxRecord record;
  EXPECT_EQ(StageOf(record), LifeStage::kNone) << "nobody knows of it yet";
  record.phase = SandboxPhase::kNotReady;
  EXPECT_EQ(StageOf(record), LifeStage::kStarted) << "its containers are told of first";
  record.reason = "the pod's shim died";
  EXPECT_EQ(StageOf(record), LifeStage::kStopped);
}

}  // namespace
}  // namespace davit::cri
