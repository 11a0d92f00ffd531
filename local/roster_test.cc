// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/roster.h"

#include <gtest/gtest.h>

#include <future>

#include "cri/pods/testing/written_at_once.h"
#include "cri/records/record_writer.h"

namespace davit::local {
namespace {

LocalContainerPtr Make(const std::string& id, const std::string& name,
                       cri::Persisted<LocalRecord>::Write write =
                           cri::WrittenAtOnce<LocalRecord>([](const LocalRecord&) { return Result<>{}; })) {
  LocalRecord record;
  record.id = id;
  record.name = name;
  LocalContainer::Parts parts{std::make_shared<Definition>(), images::LayerHold(), std::move(write),
                              [](const LocalContainer&, bool) {}};
  return std::make_shared<LocalContainer>(record, std::move(parts), SystemClock());
}

TEST(Roster, FindsByIdThenNameThenPrefix) {
  Roster roster;
  ASSERT_TRUE(roster.Add(Make("abc1", "web")));
  ASSERT_TRUE(roster.Add(Make("abd2", "abc")));
  EXPECT_EQ((*roster.Find("abc1"))->name(), "web");
  EXPECT_EQ((*roster.Find("abc"))->id(), "abd2") << "a name goes before the beginning of an id";
  EXPECT_EQ((*roster.Find("abd"))->id(), "abd2");
  EXPECT_EQ(roster.Find("ab").error().code, Code::kInvalidArgument);
  EXPECT_EQ(roster.Find("x").error().code, Code::kNotFound);
  EXPECT_EQ(roster.Find("").error().code, Code::kInvalidArgument);
}

TEST(Roster, FreesANameWithItsContainer) {
  Roster roster;
  LocalContainerPtr web = Make("1", "web");
  ASSERT_TRUE(roster.Add(web));
  EXPECT_EQ(roster.Add(Make("2", "web")).error().code, Code::kAlreadyExists);
  EXPECT_EQ(roster.All().size(), 1u);
  ASSERT_TRUE(roster.Rename(*web, "front"));
  ASSERT_TRUE(roster.Add(Make("2", "web")));
  EXPECT_EQ(roster.Rename(*web, "web").error().code, Code::kAlreadyExists);
  roster.Remove(*web);
  EXPECT_EQ(roster.FindId("1"), nullptr);
  EXPECT_TRUE(roster.Add(Make("3", "front")));
}

TEST(Roster, HasALimit) {
  Roster roster;
  for (size_t i = 0; i < Roster::kMost; ++i) {
    std::string id = std::to_string(i);
    ASSERT_TRUE(roster.Add(Make(id, "name" + id)));
  }
  EXPECT_EQ(roster.Add(Make("more", "more")).error().code, Code::kResourceExhausted);
}

TEST(ContainerName, HasTheFormOfDocker) {
  for (const char* good : {"web", "a1", "Web_1.2-x", "00"}) EXPECT_TRUE(CheckContainerName(good)) << good;
  for (const char* bad : {"", "a", "-web", "web/1", "a b", ".x", "\u00e9t\u00e9"})
    EXPECT_FALSE(CheckContainerName(bad)) << bad;
  EXPECT_FALSE(CheckContainerName(std::string(64, 'a')));
}

TEST(ContainerName, IsMadeFromTheImagesName) {
  EXPECT_EQ(NameFromImage("registry:5000/team/web_app:1.2@sha256:00", "3fa2c1ff"), "web-app-3fa2c1");
  EXPECT_EQ(NameFromImage("busybox", "3fa2c1ff"), "busybox-3fa2c1");
  EXPECT_EQ(NameFromImage("___", "3fa2c1ff"), "container-3fa2c1");
  EXPECT_TRUE(CheckContainerName(NameFromImage(std::string(300, 'a'), "3fa2c1ff")));
}

// A database whose disk is slow.
class SlowRows final : public cri::RowStore {
 public:
  Result<> Write(std::span<const cri::RowChange>) override {
    writes_.set_value();
    go_.get_future().wait();
    return Fail(Code::kResourceExhausted, "write", "row", "the disk is full");
  }
  void AwaitWrite() { writes_.get_future().wait(); }
  void Go() { go_.set_value(); }

 private:
  std::promise<void> writes_;
  std::promise<void> go_;
};

TEST(Roster, IsReadWhileARenameWaitsForTheDatabase) {
  SlowRows rows;
  auto writer = cri::RecordWriter::Start(rows).value();
  LocalContainerPtr web = Make("1", "web", [&](const LocalRecord& record, cri::RecordWriter::OnWritten done) {
    return writer->Queue({cri::Table::kLocalContainers, record.id, "", "blob"}, std::move(done));
  });
  Roster roster;
  ASSERT_TRUE(roster.Add(web));
  std::future<Result<>> renamed =
      std::async(std::launch::async, [&] { return roster.Rename(*web, "front"); });
  rows.AwaitWrite();
  EXPECT_TRUE(roster.Find("front"));
  EXPECT_EQ(roster.All().size(), 1u);
  rows.Go();
  EXPECT_EQ(renamed.get().error().code, Code::kResourceExhausted);
}

}  // namespace
}  // namespace davit::local
