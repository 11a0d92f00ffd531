// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/image_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/time.h"
#include "images/layer_ledger.h"
#include "images/pull_flight.h"

namespace davit::images {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

ImageSummary Image(char digit, std::vector<std::string> tags) {
  ImageSummary image;
  image.id = "sha256:" + std::string(64, digit);
  image.repo_tags = std::move(tags);
  image.repo_digests = {"docker.io/library/app@sha256:" + std::string(63, '0') + digit};
  image.chain_ids = {"sha256:" + std::string(64, 'c')};
  return image;
}

TEST(ImageIndex, FindsByEveryName) {
  ImageIndex index;
  ImageSummary image = Image('a', {"docker.io/library/app:v1"});
  index.Put(image);
  for (const std::string& name :
       {image.id, std::string("aaa"), "sha256:" + std::string(10, 'a'), std::string("app:v1"),
        std::string("docker.io/app:v1"), image.repo_digests[0], "app@sha256:" + std::string(63, '0') + "a",
        std::string(64, 'a')}) {
    auto found = index.Find(name);
    ASSERT_TRUE(found) << name;
    EXPECT_EQ(found->id, image.id);
  }
  for (const char* name : {"app", "app:v2", "b", "", "sha256:", "../x"}) {
    EXPECT_EQ(index.Find(name).error().code, Code::kNotFound) << name;
  }
}

TEST(ImageIndex, RefusesAnAmbiguousBeginning) {
  ImageIndex index;
  ImageSummary one = Image('a', {});
  ImageSummary two = Image('b', {});
  two.id = "sha256:" + std::string(10, 'a') + std::string(54, 'b');
  index.Put(one);
  index.Put(two);
  EXPECT_EQ(index.Find("aaaa").error().code, Code::kInvalidArgument);
  EXPECT_EQ(index.Find(std::string(11, 'a'))->id, one.id);
}

TEST(ImageIndex, ATagMovesToTheImageThatWasPulledByIt) {
  ImageIndex index;
  index.Put(Image('a', {"docker.io/library/app:latest", "docker.io/library/app:v1"}));
  ImageIndex::Change change = index.Plan(Image('b', {"docker.io/library/app:latest"}));
  ASSERT_EQ(change.untagged.size(), 1u);
  EXPECT_THAT(change.untagged[0].repo_tags, ElementsAre("docker.io/library/app:v1"));
  index.Put(change.untagged[0]);
  index.Put(change.added);
  EXPECT_EQ(index.Find("app")->id, change.added.id);
  EXPECT_EQ(index.Find("app:v1")->id, Image('a', {}).id);
}

TEST(ImageIndex, SeveralTagsMoveAtOnce) {
  ImageIndex index;
  index.Put(
      Image('a', {"docker.io/library/app:latest", "docker.io/library/app:v1", "docker.io/library/app:v2"}));
  ImageIndex::Change change =
      index.Plan(Image('b', {"docker.io/library/app:latest", "docker.io/library/app:v2"}));
  ASSERT_EQ(change.untagged.size(), 1u) << "one record to write";
  EXPECT_THAT(change.untagged[0].repo_tags, ElementsAre("docker.io/library/app:v1"));
}

TEST(ImageIndex, AFurtherTagIsAddedToTheOthers) {
  ImageIndex index;
  index.Put(Image('a', {"docker.io/library/app:v1"}));
  ImageIndex::Change change = index.Plan(Image('a', {"docker.io/library/app:v2"}));
  EXPECT_THAT(change.untagged, IsEmpty());
  EXPECT_THAT(change.added.repo_tags, ElementsAre("docker.io/library/app:v1", "docker.io/library/app:v2"));
}

TEST(ImageIndex, ARemovedImageHasNoNames) {
  ImageIndex index;
  index.Put(Image('a', {"docker.io/library/app:v1"}));
  index.Remove(Image('a', {}).id);
  EXPECT_FALSE(index.Find("app:v1"));
  EXPECT_THAT(index.Layers(), IsEmpty());
}

TEST(LayerLedger, CountsHolds) {
  LayerLedger ledger;
  ledger.Hold({"a", "b"});
  ledger.Hold({"a"});
  EXPECT_THAT(ledger.Release({"a", "b"}), ElementsAre("b"));
  EXPECT_TRUE(ledger.IsHeld("a"));
  EXPECT_THAT(ledger.Release({"a"}), ElementsAre("a"));
  EXPECT_THAT(ledger.Release({"a"}), IsEmpty());
}

TEST(LayerLedger, AWaitForAClaimEndsWhenItIsNoLongerWanted) {
  LayerLedger ledger;
  Interrupt interrupt([] { return true; });
  ASSERT_TRUE(ledger.Claim("a"));
  EXPECT_FALSE(ledger.Claim("a"));
  interrupt.Stop();
  EXPECT_EQ(ledger.WaitAndClaim("a", interrupt).error().code, Code::kCancelled);
}

TEST(PullFlight, GoesOnForAsLongAsOneCallerWantsIt) {
  PullFlight flight;
  bool first_gone = false;
  PullFlight::Ticket first;
  PullFlight::Ticket second;
  ASSERT_TRUE(flight.Join({0, [&] { return first_gone; }}, first));
  ASSERT_TRUE(flight.Join({}, second));
  first_gone = true;
  EXPECT_TRUE(flight.Wanted());
  EXPECT_EQ(flight.Wait(first).error().code, Code::kCancelled);
  flight.Leave(second);
  EXPECT_FALSE(flight.Wanted());
  PullFlight::Ticket late;
  EXPECT_FALSE(flight.Join({}, late));
}

TEST(PullFlight, ADeadlineEndsOneCallersWait) {
  PullFlight flight;
  PullFlight::Ticket ticket;
  ASSERT_TRUE(flight.Join({MonotonicMilliseconds(), nullptr}, ticket));
  EXPECT_EQ(flight.Wait(ticket).error().code, Code::kDeadlineExceeded);
}

}  // namespace
}  // namespace davit::images
