// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What every snapshotter promises on layers. contract_test.cc instantiates the suite.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>
#include <string>

#include "base/directory.h"
#include "base/time.h"
#include "snapshotter/testing/contract_fixture.h"

namespace davit::snapshotter {
namespace {

using ::testing::IsEmpty;

TEST_P(SnapshotterContract, ALayerIsSeenFromItsCommitOn) {
  auto staged = snapshotter_->StageLayer(ChainId(1));
  ASSERT_TRUE(staged) << staged.error().ToString();
  WriteTo(staged->get(), "file", "content");
  EXPECT_FALSE(snapshotter_->HasLayer(ChainId(1)));
  EXPECT_EQ(snapshotter_->OpenLayer(ChainId(1)).error().code, Code::kNotFound);
  ASSERT_TRUE(snapshotter_->CommitLayer(ChainId(1)));
  EXPECT_TRUE(snapshotter_->HasLayer(ChainId(1)));
  auto layer = snapshotter_->OpenLayer(ChainId(1));
  ASSERT_TRUE(layer) << layer.error().ToString();
  EXPECT_EQ(ReadFrom(layer->get(), "file"), "content");
  Reopen();
  EXPECT_TRUE(snapshotter_->HasLayer(ChainId(1)));
}

TEST_P(SnapshotterContract, AStagedDirectoryHasItsModeWhateverTheUmask) {
  mode_t before = umask(077);
  auto staged = snapshotter_->StageLayer(ChainId(1));
  umask(before);
  ASSERT_TRUE(staged) << staged.error().ToString();
  struct stat stat{};
  ASSERT_EQ(fstat(staged->get(), &stat), 0);
  EXPECT_EQ(stat.st_mode & 07777, 0755u);
}

TEST_P(SnapshotterContract, OneStagerAtATime) {
  ASSERT_TRUE(snapshotter_->StageLayer(ChainId(1)));
  EXPECT_EQ(snapshotter_->StageLayer(ChainId(1)).error().code, Code::kFailedPrecondition);
  EXPECT_TRUE(snapshotter_->StageLayer(ChainId(2)));
  snapshotter_->AbandonLayer(ChainId(1));
  snapshotter_->AbandonLayer(ChainId(1));
  EXPECT_TRUE(snapshotter_->StageLayer(ChainId(1)));
}

TEST_P(SnapshotterContract, OnlyAStagedLayerCanBeCommittedAndOnlyOnce) {
  EXPECT_EQ(snapshotter_->CommitLayer(ChainId(1)).error().code, Code::kFailedPrecondition);
  AddLayer(1);
  EXPECT_EQ(snapshotter_->CommitLayer(ChainId(1)).error().code, Code::kFailedPrecondition);
  EXPECT_EQ(snapshotter_->StageLayer(ChainId(1)).error().code, Code::kAlreadyExists);
  snapshotter_->AbandonLayer(ChainId(1));
  EXPECT_TRUE(snapshotter_->HasLayer(ChainId(1)));
}

TEST_P(SnapshotterContract, WhatACrashLeftInStagingIsReplaced) {
  auto staged = snapshotter_->StageLayer(ChainId(1));
  ASSERT_TRUE(staged) << staged.error().ToString();
  WriteTo(staged->get(), "half", "");
  Reopen();
  staged = snapshotter_->StageLayer(ChainId(1));
  ASSERT_TRUE(staged) << staged.error().ToString();
  EXPECT_THAT(ListDirectory(staged->get()).value(), IsEmpty());
}

TEST_P(SnapshotterContract, LayerUsageIsRecordedAndRepaired) {
  AddLayer(1, {{"a", std::string(10000, 'x')}, {"b", ""}});
  DiskUsage usage = snapshotter_->LayerUsage(ChainId(1)).value();
  EXPECT_EQ(usage.inodes, 3u);
  std::string record = "root/layers/" + ChainId(1).substr(7) + "/usage";
  EXPECT_EQ(ReadFrom(dir_.get(), record), std::to_string(usage.bytes) + " 3\n");
  for (const char* damaged : {"", "12", "12 ", "12 3", "12 3\nx", "x y\n", "-1 3\n"}) {
    WriteTo(dir_.get(), record, damaged);
    EXPECT_EQ(snapshotter_->LayerUsage(ChainId(1))->inodes, 3u) << damaged;
    EXPECT_THAT(ReadFrom(dir_.get(), record), ::testing::EndsWith(" 3\n"));
  }
  EXPECT_EQ(snapshotter_->LayerUsage(ChainId(2)).error().code, Code::kNotFound);
}

TEST_P(SnapshotterContract, OfTwoStagingsOfALayerTheFirstToBeCommittedCounts) {
  auto always = [] { return true; };
  UniqueFd one = *snapshotter_->StageLayer(ChainId(1));
  UniqueFd two = *snapshotter_->StageLayer(ChainId(2));  // a random name
  ASSERT_TRUE(OpenAt(two.get(), "two", O_WRONLY | O_CREAT, 0600));
  ASSERT_TRUE(snapshotter_->CommitLayer(ChainId(2), ChainId(1), {}, always));
  EXPECT_TRUE(snapshotter_->HasLayer(ChainId(1)));
  EXPECT_FALSE(snapshotter_->HasLayer(ChainId(2)));
  EXPECT_EQ(snapshotter_->CommitLayer(ChainId(1), ChainId(1), {}, always).error().code, Code::kAlreadyExists);
  snapshotter_->AbandonLayer(ChainId(1));
  EXPECT_TRUE(OpenAt(snapshotter_->OpenLayer(ChainId(1))->get(), "two", O_RDONLY));
  EXPECT_TRUE(snapshotter_->Sync());
}

TEST_P(SnapshotterContract, ListsCommittedLayersWithTheirTime) {
  int64_t before = UnixNanoseconds() - 1'000'000'000;  // times of files have a coarse clock
  AddLayer(1);
  AddLayer(2);
  ASSERT_TRUE(snapshotter_->StageLayer(ChainId(3)));
  auto layers = snapshotter_->ListLayers();
  ASSERT_TRUE(layers) << layers.error().ToString();
  ASSERT_EQ(layers->size(), 2u);
  std::set<std::string> chain_ids;
  for (const CommittedLayer& layer : *layers) {
    chain_ids.insert(layer.chain_id);
    EXPECT_GT(layer.committed_ns, before);
    EXPECT_LE(layer.committed_ns, UnixNanoseconds());
  }
  EXPECT_EQ(chain_ids, (std::set<std::string>{ChainId(1), ChainId(2)}));
}

TEST_P(SnapshotterContract, LayersAreTakenOverOnlyInTheSameBootOfTheHost) {
  AddLayer(1);
  EXPECT_FALSE(snapshotter_->AdoptLayers({ChainId(1)})) << "the root is new";
  ASSERT_TRUE(snapshotter_->Collect({ChainId(1)}, {}));
  Reopen();
  EXPECT_TRUE(snapshotter_->AdoptLayers({ChainId(1)}));
  WriteTo(dir_.get(), "root/boot", "another boot");
  Reopen();
  EXPECT_FALSE(snapshotter_->AdoptLayers({ChainId(1)}));
  Reopen();
  EXPECT_FALSE(snapshotter_->AdoptLayers({ChainId(1)})) << "the last one has not collected what is damaged";
  ASSERT_TRUE(snapshotter_->Collect({}, {}));
  Reopen();
  EXPECT_TRUE(snapshotter_->AdoptLayers({ChainId(1)}));
}

TEST_P(SnapshotterContract, ARemovedLayerIsGoneAtOnceAndCanComeBack) {
  AddLayer(1, {{"file", "old"}});
  ASSERT_TRUE(snapshotter_->RemoveLayer(ChainId(1)));
  EXPECT_FALSE(snapshotter_->HasLayer(ChainId(1)));
  EXPECT_TRUE(snapshotter_->RemoveLayer(ChainId(1)));
  AddLayer(1, {{"file", "new"}});
  snapshotter_->WaitForDeletions();
  EXPECT_THAT(List("trash"), IsEmpty());
  EXPECT_THAT(snapshotter_->DeletionProblems(), IsEmpty());
  EXPECT_EQ(ReadFrom(snapshotter_->OpenLayer(ChainId(1))->get(), "file"), "new");
}

TEST_P(SnapshotterContract, ACommittedLayerIsComparedWithItsInventory) {
  AddLayer(1, {{"file", "content"}, {"other", "x"}});
  auto wanted = [] { return true; };
  EXPECT_EQ(snapshotter_->CheckLayer(ChainId(1), CheckDepth::kContents, wanted)->problems, 0u);
  WriteTo(dir_.get(), "root/layers/" + ChainId(1).substr(7) + "/fs/file", "");
  LayerCheck check = *snapshotter_->CheckLayer(ChainId(1), CheckDepth::kEntries, wanted);
  EXPECT_THAT(check.examples, ::testing::ElementsAre("file: has 0 bytes instead of 7"));
  EXPECT_EQ(snapshotter_->CheckLayer(ChainId(2), CheckDepth::kEntries, wanted).error().code, Code::kNotFound);
}

TEST_P(SnapshotterContract, ALayerOfAnOlderReleaseCannotBeCompared) {
  AddLayer(1);
  ASSERT_EQ(unlinkat(dir_.get(), ("root/layers/" + ChainId(1).substr(7) + "/inventory").c_str(), 0), 0);
  auto check = snapshotter_->CheckLayer(ChainId(1), CheckDepth::kEntries, [] { return true; });
  EXPECT_EQ(check.error().code, Code::kUnimplemented);
}

TEST_P(SnapshotterContract, AReplacedLayerIsWholeAndContainersKeepTheOldOne) {
  ASSERT_TRUE(snapshotter_->Collect({}, {}));  // notes the boot
  std::string layer = AddLayer(1, {{"file", "old"}});
  UniqueFd container = Start(NewContainer(), {layer});
  UniqueFd staged = *snapshotter_->StageReplacement(layer);
  WriteTo(staged.get(), "file", "new");
  EXPECT_EQ(ReadFrom(snapshotter_->OpenLayer(layer)->get(), "file"), "old") << "until the end";
  ASSERT_TRUE(snapshotter_->ReplaceLayer(layer, layer, {}, [] { return true; }));
  EXPECT_EQ(ReadFrom(snapshotter_->OpenLayer(layer)->get(), "file"), "new");
  EXPECT_EQ(ReadFrom(container.get(), "file"), "old");
  EXPECT_THAT(List("staging"), IsEmpty());
  Reopen();
  ASSERT_TRUE(snapshotter_->Collect({layer}, {}));
  snapshotter_->WaitForDeletions();
  EXPECT_THAT(List("replaced"), ::testing::SizeIs(1)) << "there was no boot";
}

TEST_P(SnapshotterContract, AnOldLayerThatCannotBeSetAsideStaysForContainers) {
  std::string layer = AddLayer(1, {{"file", "old"}});
  UniqueFd container = Start(NewContainer(), {layer});
  UniqueFd staged = *snapshotter_->StageReplacement(layer);
  WriteTo(staged.get(), "file", "new");
  ASSERT_EQ(unlinkat(dir_.get(), "root/replaced", AT_REMOVEDIR), 0);  // no file can be moved there
  EXPECT_FALSE(snapshotter_->ReplaceLayer(layer, layer, {}, [] { return true; }));
  snapshotter_->AbandonLayer(layer);
  snapshotter_->WaitForDeletions();
  EXPECT_EQ(ReadFrom(container.get(), "file"), "old");
  EXPECT_EQ(ReadFrom(snapshotter_->OpenLayer(layer)->get(), "file"), "old");
}

TEST_P(SnapshotterContract, AfterABootNobodyHasAReplacedLayer) {
  AddLayer(1);
  ASSERT_TRUE(snapshotter_->StageReplacement(ChainId(1)));
  ASSERT_TRUE(snapshotter_->ReplaceLayer(ChainId(1), ChainId(1), {}, [] { return true; }));
  WriteTo(dir_.get(), "root/boot", "another boot");
  Reopen();
  ASSERT_TRUE(snapshotter_->Collect({ChainId(1)}, {}));
  snapshotter_->WaitForDeletions();
  EXPECT_THAT(List("replaced"), IsEmpty());
  EXPECT_TRUE(snapshotter_->HasLayer(ChainId(1)));
}

TEST_P(SnapshotterContract, AWithdrawnLayerStaysForContainersOnly) {
  std::string layer = AddLayer(1, {{"file", "x"}});
  UniqueFd container = Start(NewContainer(), {layer});
  ASSERT_TRUE(snapshotter_->WithdrawLayer(layer));
  ASSERT_TRUE(snapshotter_->WithdrawLayer(layer)) << "idempotent";
  snapshotter_->WaitForDeletions();
  EXPECT_FALSE(snapshotter_->HasLayer(layer));
  EXPECT_EQ(ReadFrom(container.get(), "file"), "x");
}

TEST_P(SnapshotterContract, LayersOfTheLastBootAreKnownUntilTheyAreChecked) {
  AddLayer(1);
  WriteTo(dir_.get(), "root/boot", "another boot");
  for (int start : {1, 2}) {
    Reopen();
    ASSERT_TRUE(snapshotter_->Collect({ChainId(1)}, {}));
    EXPECT_THAT(snapshotter_->LayersOfLastBoot(), ::testing::ElementsAre(ChainId(1))) << "start " << start;
  }
  ASSERT_TRUE(snapshotter_->NoteChecked());
  EXPECT_THAT(snapshotter_->LayersOfLastBoot(), IsEmpty());
  AddLayer(2);
  Reopen();
  EXPECT_THAT(snapshotter_->LayersOfLastBoot(), IsEmpty());
  ASSERT_TRUE(snapshotter_->NoteChecked()) << "again";
  struct stat checked;
  ASSERT_EQ(fstatat(dir_.get(), "root/checked", &checked, 0), 0);
  WriteTo(dir_.get(), "root/checked", "another boot");
  timespec then[2] = {checked.st_mtim, checked.st_mtim};
  ASSERT_EQ(utimensat(dir_.get(), "root/checked", then, 0), 0);
  Reopen();
  EXPECT_THAT(snapshotter_->LayersOfLastBoot(), ::testing::Contains(ChainId(2)))
      << "it is younger than the first start of that boot";
}

TEST_P(SnapshotterContract, KnowsTheLayersSinceTheLastBoot) {
  ASSERT_TRUE(snapshotter_->Collect({}, {}));  // notes the boot
  ASSERT_TRUE(snapshotter_->NoteChecked());
  AddLayer(1);
  EXPECT_THAT(snapshotter_->LayersOfLastBoot(), IsEmpty()) << "it is this boot";
  Reopen();
  EXPECT_THAT(snapshotter_->LayersOfLastBoot(), IsEmpty()) << "it is still the same";
  timespec long_ago[2] = {{1, 0}, {1, 0}};
  std::string usage = "root/layers/" + ChainId(1).substr(7) + "/usage";
  ASSERT_EQ(utimensat(dir_.get(), usage.c_str(), long_ago, 0), 0);
  WriteTo(dir_.get(), "root/boot", "another boot");
  AddLayer(2);
  Reopen();
  EXPECT_THAT(snapshotter_->LayersOfLastBoot(), ::testing::ElementsAre(ChainId(2)))
      << "the other was there before that boot";
  ASSERT_TRUE(snapshotter_->RenewLayer(ChainId(1)));
  Reopen();
  EXPECT_THAT(snapshotter_->LayersOfLastBoot(), ::testing::ElementsAre(ChainId(1), ChainId(2)));
}

}  // namespace
}  // namespace davit::snapshotter
