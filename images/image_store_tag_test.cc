// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/testing/store_fixture.h"

namespace davit::images {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class Tags : public Store {
 protected:
  void SetUp() override {
    Store::SetUp();
    if (IsSkipped()) return;
    auto pulled = Pull(server_.host() + "/app:v1");
    ASSERT_TRUE(pulled) << pulled.error().ToString();
    app_ = pulled->id;
  }
  std::vector<std::string> TagsOf(const std::string& id) { return store_->Find(id)->repo_tags; }

  TestImage other_ = TestImage::Make({image_.layers[0]});
  FakeServer server_{[this](const FakeRequest& request) {
    return Serve(request.target.find("/other/") != std::string::npos ? other_ : image_, request);
  }};
  std::string app_;
};

TEST_F(Tags, AreGivenAndSurviveARestart) {
  auto tagged = store_->Tag(app_, "team/app");
  ASSERT_TRUE(tagged) << tagged.error().ToString();
  EXPECT_EQ(tagged->id, app_);
  EXPECT_EQ(tagged->tag, "docker.io/team/app:latest");
  ASSERT_TRUE(store_->Tag("team/app", "team/app:2"));
  Reopen();
  EXPECT_EQ(store_->Find("team/app:2")->id, app_);
  EXPECT_THAT(TagsOf(app_), SizeIs(3));
  EXPECT_EQ(store_->Read(app_)->manifest_json, image_.manifest);
}

TEST_F(Tags, MoveFromOneImageToAnotherAndBack) {
  auto other = Pull(server_.host() + "/other:v1");
  ASSERT_TRUE(other);
  const std::string tag = server_.host() + "/app:v1";
  for (const auto& [to, from] : {std::pair(other->id, app_), std::pair(app_, other->id)}) {
    ASSERT_TRUE(store_->Tag(to, tag));
    for (int round = 0; round < 2; ++round) {
      EXPECT_EQ(store_->Find(tag)->id, to);
      EXPECT_THAT(TagsOf(from), Not(Contains(tag)));
      Reopen();
    }
  }
}

TEST_F(Tags, ATagThatTheImageHasIsNoChange) {
  records_.fail_put = true;
  EXPECT_TRUE(store_->Tag(app_, server_.host() + "/app:v1"));
}

TEST_F(Tags, AreTakenAwayWithoutTheImage) {
  ASSERT_TRUE(store_->Untag(server_.host() + "/app:v1"));
  for (int round = 0; round < 2; ++round) {
    EXPECT_THAT(TagsOf(app_), IsEmpty());
    EXPECT_EQ(store_->Untag(server_.host() + "/app:v1").error().code, Code::kNotFound);
    Reopen();
  }
}

TEST_F(Tags, AChangeThatIsNotRecordedDoesNotHappen) {
  records_.fail_put = true;
  EXPECT_EQ(store_->Tag(app_, "team/app").error().code, Code::kResourceExhausted);
  EXPECT_EQ(store_->Untag(server_.host() + "/app:v1").error().code, Code::kResourceExhausted);
  EXPECT_THAT(TagsOf(app_), ElementsAre(server_.host() + "/app:v1"));
}

TEST_F(Tags, AreNotDigestsAndNotGarbage) {
  for (const std::string& bad : {std::string(), std::string("UPPER"), std::string("a b"), app_.substr(7),
                                 "app@" + image_.manifest_digest, "app:v1@" + image_.manifest_digest}) {
    EXPECT_EQ(store_->Tag(app_, bad).error().code, Code::kInvalidArgument) << bad;
    EXPECT_EQ(store_->Untag(bad).error().code, Code::kInvalidArgument) << bad;
  }
  EXPECT_EQ(store_->Tag("unknown", "team/app").error().code, Code::kNotFound);
  EXPECT_THAT(TagsOf(app_), SizeIs(1));
}

}  // namespace
}  // namespace davit::images
