// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Local containers with volumes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/codec.h"
#include "base/ids.h"
#include "local/testing/local_world.h"

namespace davit::local {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using State = api::ContainerState;

class LocalVolumesTest : public ::testing::Test {
 protected:
  LocalVolumesTest() {
    w_.world.images.Add("db", R"({"config":{"Cmd":["/bin/app"],"Volumes":{"/var/lib/db":{}}}})");
  }
  LocalContainers& local() { return w_.local(); }
  int64_t Deadline() const { return w_.Deadline(); }

  // Of the image db, with the volume "data" at /data and that of the image.
  static api::ContainerSpec Spec() {
    api::ContainerSpec spec = LocalWorld::Spec();
    spec.set_image("db");
    api::VolumeMount& named = *spec.add_volumes();
    named.set_volume("data");
    named.set_target("/data");
    named.set_read_only(true);
    return spec;
  }
  // Makes it look as after a crash of the daemon.
  void Change(const std::string& id, const std::function<void(LocalRecord&)>& change) {
    const std::vector<cri::LocalRow> rows = w_.store.Locals().value();
    auto row = std::ranges::find(rows, id, &cri::LocalRow::id);
    ASSERT_NE(row, rows.end());
    LocalRecord record = Decode<LocalRecord>(row->blob, "record").value();
    change(record);
    w_.store.Seed({id, Encode(record), row->spec});
  }
  // Makes the records of the container unreadable, that of its spec, too, if so.
  void Damage(const std::string& id, bool spec) {
    const std::vector<cri::LocalRow> rows = w_.store.Locals().value();
    auto row = std::ranges::find(rows, id, &cri::LocalRow::id);
    ASSERT_NE(row, rows.end());
    w_.store.Seed({id, "\xff\xff", spec ? "\xff" : row->spec});
  }
  bool NothingIsLeft() {
    return w_.world.Eventually([&] { return w_.Leftovers().empty(); });
  }

  LocalWorld w_;
};

TEST_F(LocalVolumesTest, ContainersShowWhatTheyMount) {
  w_.RunContainer("web", Spec());
  api::Container web = local().Inspect("web").value();
  ASSERT_THAT(web.volumes(), SizeIs(2));
  EXPECT_EQ(web.volumes(0).volume(), "data");
  EXPECT_EQ(web.volumes(0).target(), "/data");
  EXPECT_EQ(web.volumes(0).mountpoint(), w_.volumes().Inspect("data")->mountpoint());
  EXPECT_TRUE(web.volumes(0).read_only());
  EXPECT_TRUE(IsId(web.volumes(1).volume()));
  EXPECT_EQ(web.volumes(1).target(), "/var/lib/db");
  EXPECT_TRUE(web.volumes(1).anonymous());
  EXPECT_THAT(w_.volumes().Inspect("data")->containers(), ElementsAre(web.id()));

  ASSERT_TRUE(local().Restart("web", 0, Deadline()));
  EXPECT_EQ(local().Inspect("web")->volumes(1).volume(), web.volumes(1).volume()) << "the same as before";
  w_.Restart();
  EXPECT_EQ(local().Inspect("web")->volumes(1).volume(), web.volumes(1).volume());
  EXPECT_THAT(w_.volumes().Remove("data").error().ToString(), HasSubstr(web.id())) << "it is still in use";
}

TEST_F(LocalVolumesTest, ARemovalTakesAnonymousOnesOnlyIfItShould) {
  w_.RunContainer("first", Spec());
  ASSERT_TRUE(local().Remove("first", /*force=*/true, Deadline()));
  EXPECT_THAT(w_.VolumeNames(), SizeIs(2));
  w_.RunContainer("second", Spec());
  EXPECT_THAT(w_.VolumeNames(), SizeIs(3));
  ASSERT_TRUE(local().Remove("second", /*force=*/true, Deadline(), AnonymousVolumes::kGo));
  EXPECT_THAT(w_.VolumeNames(), SizeIs(2));
  api::PruneVolumesRequest all;
  all.set_all(true);
  EXPECT_THAT(w_.volumes().Prune(all, [] { return false; })->removed(), SizeIs(2));
  EXPECT_TRUE(NothingIsLeft()) << ::testing::PrintToString(w_.Leftovers());
}

TEST_F(LocalVolumesTest, AnonymousOnesGoWithAContainerThatRemovesItself) {
  api::ContainerSpec spec = Spec();
  spec.set_auto_remove(true);
  std::string id = w_.RunContainer("web", spec);
  w_.Exit(id, 0);
  ASSERT_TRUE(w_.world.Eventually([&] { return !local().Inspect("web"); }));
  EXPECT_THAT(w_.VolumeNames(), ElementsAre("data"));
}

TEST_F(LocalVolumesTest, WhatCannotBeCreatedLeavesNoVolume) {
  w_.world.steps.Reset();
  ASSERT_TRUE(local().Create("web", Spec()));
  size_t steps = w_.world.steps.taken().size();
  ASSERT_GT(steps, 4u);
  ASSERT_TRUE(local().Remove("web", /*force=*/false, Deadline(), AnonymousVolumes::kGo));
  ASSERT_TRUE(w_.volumes().Remove("data"));
  for (size_t step = 0; step < steps; ++step) {
    w_.world.steps.FailNth(step);
    EXPECT_FALSE(local().Create("web", Spec())) << "step " << step;
    w_.world.steps.Reset();
    EXPECT_TRUE(NothingIsLeft()) << "step " << step << ::testing::PrintToString(w_.Leftovers());
  }
  api::ContainerSpec twice = Spec();
  *twice.add_volumes() = twice.volumes(0);
  EXPECT_THAT(local().Create("web", twice).error().ToString(), HasSubstr("Duplicate mount point"));
  api::ContainerSpec bad = Spec();
  bad.mutable_volumes(0)->set_volume("../../etc");
  EXPECT_EQ(local().Create("web", bad).error().code, Code::kInvalidArgument);
  EXPECT_TRUE(NothingIsLeft());
}

TEST_F(LocalVolumesTest, ACreationThatACrashHasInterruptedIsUndone) {
  std::string id = local().Create("web", Spec())->id;
  w_.Restart([&] { Change(id, [](LocalRecord& r) { r.status = Status::kMaking; }); });
  ASSERT_TRUE(w_.world.Eventually([&] { return !local().Inspect("web"); }));
  EXPECT_THAT(w_.VolumeNames(), ElementsAre("data")) << "somebody has named it";
  ASSERT_TRUE(w_.volumes().Remove("data"));
  EXPECT_TRUE(NothingIsLeft()) << ::testing::PrintToString(w_.Leftovers());
}

TEST_F(LocalVolumesTest, ARemovalThatACrashHasInterruptedIsFinished) {
  std::string with = local().Create("with", Spec())->id;
  std::string without = local().Create("without", Spec())->id;
  std::string kept = local().Inspect("without")->volumes(1).volume();
  w_.Restart([&] {
    Change(with, [](LocalRecord& r) {
      r.status = Status::kRemoving;
      r.remove_volumes = true;
    });
    Change(without, [](LocalRecord& r) { r.status = Status::kRemoving; });
  });
  EXPECT_TRUE(w_.world.Eventually([&] { return local().List(/*all=*/true).empty(); }));
  EXPECT_THAT(w_.VolumeNames(), ::testing::UnorderedElementsAre("data", kept));
}

TEST_F(LocalVolumesTest, AContainerCanHaveTheVolumesOfAnother) {
  local().Create("first", Spec()).value();
  std::string anonymous = local().Inspect("first")->volumes(1).volume();
  api::ContainerSpec spec = LocalWorld::Spec();
  spec.add_volumes_from()->set_container("first");
  std::string second = local().Create("second", spec)->id;
  api::Container shown = local().Inspect("second").value();
  ASSERT_THAT(shown.volumes(), SizeIs(2));
  EXPECT_EQ(shown.volumes(0).volume(), "data");
  EXPECT_TRUE(shown.volumes(0).read_only());
  EXPECT_EQ(shown.volumes(1).volume(), anonymous);
  EXPECT_TRUE(shown.volumes(1).anonymous());
  ASSERT_TRUE(local().Remove("first", /*force=*/false, Deadline(), AnonymousVolumes::kGo));
  EXPECT_THAT(w_.volumes().Inspect(anonymous)->containers(), ElementsAre(second));
  ASSERT_TRUE(local().Remove("second", /*force=*/false, Deadline(), AnonymousVolumes::kGo));
  EXPECT_THAT(w_.VolumeNames(), ElementsAre("data"));

  Result<LocalContainers::Created> missing = local().Create("third", spec);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::kInvalidArgument) << "kNotFound would be said of the image";
  EXPECT_THAT(missing.error().ToString(), HasSubstr("no such container"));
}

TEST_F(LocalVolumesTest, WhatAnotherContainerHasLostMeanwhileIsNotMadeAgain) {
  local().Create("first", Spec()).value();
  api::ContainerSpec spec = Spec();
  spec.add_volumes_from()->set_container("first");
  spec.mutable_volumes(0)->set_target("/elsewhere");
  w_.world.steps.During("store.AddLocal", [&] {
    EXPECT_TRUE(local().Remove("first", /*force=*/false, Deadline(), AnonymousVolumes::kGo));
  });
  EXPECT_THAT(local().Create("second", spec).error().ToString(), HasSubstr("removed meanwhile"));
  EXPECT_THAT(w_.VolumeNames(), ElementsAre("data"));
}

TEST_F(LocalVolumesTest, AContainerThatCannotBeReadKeepsItsVolumes) {
  std::string id = local().Create("web", Spec())->id;
  std::string anonymous = local().Inspect("web")->volumes(1).volume();
  ASSERT_TRUE(w_.volumes().Create("other", {}));
  w_.Restart([&] { Damage(id, /*spec=*/false); });
  EXPECT_THAT(w_.volumes().Remove("data").error().ToString(), HasSubstr(id));
  EXPECT_THAT(w_.volumes().Remove(anonymous).error().ToString(), HasSubstr(id));
  EXPECT_TRUE(w_.volumes().Remove("other")) << "its volumes are known: this is none of them";
  ASSERT_TRUE(local().Remove(id, /*force=*/false, Deadline(), AnonymousVolumes::kGo));
  EXPECT_THAT(w_.VolumeNames(), ElementsAre("data"));
}

TEST_F(LocalVolumesTest, WhileNobodyKnowsWhatAContainerMountsAllVolumesStay) {
  std::string id = local().Create("web", Spec())->id;
  api::ContainerSpec removes_itself = Spec();
  removes_itself.set_auto_remove(true);
  std::string other = local().Create("other", removes_itself)->id;
  w_.Restart([&] { Damage(id, /*spec=*/true); });
  ASSERT_TRUE(w_.volumes().Create("unused", {}));
  api::PruneVolumesRequest all;
  all.set_all(true);
  for (const std::string& error : {w_.volumes().Remove("unused").error().ToString(),
                                   w_.volumes().Prune(all, [] { return false; }).error().ToString()})
    EXPECT_THAT(error, HasSubstr("davit rm " + id));
  EXPECT_EQ(w_.volumes().Remove("nothing").error().code, Code::kNotFound);
  ASSERT_TRUE(local().Remove(other, /*force=*/false, Deadline(), AnonymousVolumes::kGo));
  EXPECT_THAT(w_.VolumeNames(), SizeIs(4)) << "the first container may mount those of the second";

  // A creation that fails may remove what it has just made: the other container cannot know it.
  w_.world.steps.Fail("snapshots.MountImage");
  api::ContainerSpec late = Spec();
  late.mutable_volumes(0)->set_volume("new");
  EXPECT_FALSE(local().Create("late", late));
  EXPECT_THAT(w_.VolumeNames(), SizeIs(4));

  ASSERT_TRUE(local().Remove(id, /*force=*/false, Deadline()));
  EXPECT_THAT(w_.volumes().Prune(all, [] { return false; })->removed(), SizeIs(4));
  EXPECT_TRUE(NothingIsLeft()) << ::testing::PrintToString(w_.Leftovers());
}

}  // namespace
}  // namespace davit::local
