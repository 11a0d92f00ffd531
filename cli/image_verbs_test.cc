// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The verbs on images and registries.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/file_io.h"
#include "base/time.h"
#include "cli/testing/verb_fixture.h"
#include "cli/text.h"

namespace davit::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

class ImageVerbs : public VerbFixture {
 protected:
  LoginOptions Login(const std::string& password) {
    return {.server = "private.test", .username = "user", .password = password};
  }
  // Of the images.
  static std::string Age() {
    constexpr int64_t kCreated = 1'714'521'600'000'000'000;  // 2024-05-01
    return DurationText(UnixNanoseconds() - kCreated) + " ago";
  }
  void WriteConfig(const std::string& text) {
    std::filesystem::create_directories(docker_config());
    std::ofstream(docker_config() + "/config.json") << text;
  }
};

TEST_F(ImageVerbs, PullPrintsALinePerChangeOfALayer) {
  EXPECT_EQ(Answer(PullOptions{.image = "alpine"}),
            "Pulling alpine\n"
            "aaaaaaaaaaaa: Already exists\n"
            "bbbbbbbbbbbb: Downloading\n"
            "bbbbbbbbbbbb: Pull complete\n"
            "Digest: sha256:" +
                std::string(64, 'd') +
                "\n"
                "Status: Downloaded newer image for alpine:latest\n"
                "docker.io/library/alpine:latest\n");
  EXPECT_TRUE(cri_.images().Has("alpine"));
}

TEST_F(ImageVerbs, AQuietPullPrintsTheNameOnly) {
  EXPECT_EQ(Answer(PullOptions{.image = "alpine", .quiet = true}), "docker.io/library/alpine:latest\n");
  auto json = nlohmann::json::parse(Answer(PullOptions{.image = "alpine"}, OutputFormat::kJson));
  EXPECT_EQ(json["image"], "docker.io/library/alpine:latest");
  EXPECT_THAT(json["id"].get<std::string>(), StartsWith("sha256:"));
}

TEST_F(ImageVerbs, AnInterruptEndsAPull) {
  Press();
  Result<int> status = Do(PullOptions{.image = "slow"});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kCancelled);
  EXPECT_EQ(status.error().ToString(), "interrupted");
}

TEST_F(ImageVerbs, APullUsesTheStoredCredentials) {
  Result<int> refused = Do(PullOptions{.image = "private.test/app"});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().ToString(),
              AllOf(HasSubstr("private.test"), EndsWith("log in: davit login private.test")));
  EXPECT_EQ(Do(Login("secret")).value(), 0);
  EXPECT_EQ(Do(PullOptions{.image = "private.test/app"}).value(), 0);
  ASSERT_THAT(cri_.images().pulls(), SizeIs(1));
  EXPECT_EQ(cri_.images().pulls()[0].credentials().username(), "user");
  EXPECT_EQ(cri_.images().pulls()[0].credentials().server_address(), "private.test") << "not for mirrors";
  EXPECT_EQ(Do(PullOptions{.image = "alpine"}).value(), 0);
  EXPECT_FALSE(cri_.images().pulls()[1].has_credentials()) << "another registry's";
}

TEST_F(ImageVerbs, ImagesAreOneLinePerTag) {
  EXPECT_EQ(Answer(ImagesOptions{}),
            "REPOSITORY                  TAG      IMAGE ID       CREATED       SIZE\n"
            "docker.io/library/busybox   latest   100000000000   " +
                Age() + "   4.2 MB\n");
  EXPECT_EQ(Answer(ImagesOptions{.quiet = true}), "100000000000\n");
  EXPECT_THAT(
      Answer(ImagesOptions{.digests = true, .no_trunc = true}),
      AllOf(HasSubstr("sha256:" + std::string(64, 'd')), HasSubstr("sha256:1" + std::string(63, '0'))));
}

TEST_F(ImageVerbs, ImagesAreFiltered) {
  cri_.images().Add("old-tool");
  cri_.images().Add("two-tags");
  auto names = [this](const ImagesOptions& options) {
    ImagesOptions with_format = options;
    with_format.format = "{{.Repository}}";
    return Answer(with_format);
  };
  const std::string busybox = "docker.io/library/busybox\n";
  const std::string old = "docker.io/library/old-tool\n";
  EXPECT_EQ(names({.reference = "busybox"}), busybox);
  EXPECT_EQ(names({.reference = "docker.io/library/busybox:latest"}), busybox);
  EXPECT_EQ(names({.filters = {"reference=*box", "reference=old*"}}), busybox + old) << "the newest first";
  EXPECT_EQ(names({.filters = {"reference=another"}}), "docker.io/library/another\n") << "not its other tag";
  EXPECT_EQ(names({.filters = {"label=name=old-tool"}}), old);
  EXPECT_EQ(names({.filters = {"label=lacking"}}), "");
  EXPECT_EQ(names({.filters = {"before=busybox"}}), old);
  EXPECT_EQ(names({.filters = {"since=old-tool", "reference=busybox"}}), busybox);
  EXPECT_EQ(names({.filters = {"dangling=true"}}), "");
  EXPECT_EQ(Answer(ImagesOptions{.quiet = true, .filters = {"label=name=busybox"}}), "100000000000\n");
  EXPECT_EQ(Do(ImagesOptions{.filters = {"before=nothing"}}).error().code, Code::kNotFound);
  EXPECT_THAT(Do(ImagesOptions{.filters = {"dangling=maybe"}}).error().ToString(),
              HasSubstr("dangling=true"));
  EXPECT_THAT(Do(ImagesOptions{.filters = {"lable=x"}}).error().ToString(), HasSubstr("did you mean label?"));
}

TEST_F(ImageVerbs, ImagesHaveTheFieldsOfDocker) {
  EXPECT_EQ(Answer(ImagesOptions{.format = "{{.Repository}}:{{.Tag}} {{.ID}} {{.Size}} {{.CreatedAt}} "
                                           "{{.Label \"name\"}}"}),
            "docker.io/library/busybox:latest 100000000000 4.2 MB 2024-05-01T00:00:00.000000000Z busybox\n");
  EXPECT_EQ(Answer(ImagesOptions{.format = "table {{.Tag}}\\t{{.CreatedSince}}"}),
            "TAG      CREATED\nlatest   " + Age() + "\n");
  EXPECT_EQ(nlohmann::json::parse(Answer(ImagesOptions{.format = "json"}))["Tag"], "latest");
  EXPECT_EQ(Answer(ImageInspectOptions{.images = {"busybox"}, .format = "{{.Config.Cmd}} {{.Os}}"}),
            "[sh] linux\n");
  EXPECT_EQ(Answer(ImageHistoryOptions{.image = "busybox", .quiet = true}), "100000000000\n<missing>\n");
}

TEST_F(ImageVerbs, RmiWithForceTakesWhatIsNotThere) {
  EXPECT_EQ(Do(RmiOptions{.images = {"nothing"}}).error().code, Code::kNotFound);
  EXPECT_EQ(Do(RmiOptions{.images = {"nothing", "busybox"}, .force = true}).value(), 0);
  EXPECT_THAT(cri_.images().names(), IsEmpty());
}

TEST_F(ImageVerbs, AnIncompleteImageIsMarkedAndCanBeRemoved) {
  cri_.images().Add("incomplete");
  EXPECT_THAT(Answer(ImagesOptions{}), HasSubstr("4.2 MB (incomplete)\n"));
  EXPECT_THAT(Answer(ImagesOptions{.tree = true}),
              HasSubstr("incomplete:latest (200000000000) (incomplete)"));
  EXPECT_TRUE(nlohmann::json::parse(Answer(ImagesOptions{}, OutputFormat::kJson))[1]["incomplete"]);
  EXPECT_EQ(Answer(RmiOptions{.images = {"incomplete"}}), "incomplete\n");
  EXPECT_THAT(cri_.images().names(), ElementsAre("busybox"));
}

TEST_F(ImageVerbs, ImagesAsJsonHaveAllFields) {
  cri_.images().Add("nginx");
  auto json = nlohmann::json::parse(Answer(ImagesOptions{}, OutputFormat::kJson));
  ASSERT_THAT(json, SizeIs(2));
  EXPECT_EQ(json[1]["tags"][0], "docker.io/library/nginx:latest");
  EXPECT_EQ(json[0]["size"], 1'000'000);
  EXPECT_EQ(json[0]["diskBytes"], 4'213'000);
}

TEST_F(ImageVerbs, RmiTakesNamesAndBeginningsOfIds) {
  cri_.images().Add("nginx");
  cri_.images().Add("redis");
  EXPECT_EQ(Answer(RmiOptions{.images = {"busybox"}}), "busybox\n");
  EXPECT_EQ(Do(RmiOptions{.images = {"20"}}).value(), 0);
  EXPECT_THAT(cri_.images().names(), ElementsAre("nginx"));
}

TEST_F(ImageVerbs, RmiByATagLeavesAnImageThatHasOthers) {
  cri_.images().Add("two-tags");
  EXPECT_EQ(Answer(RmiOptions{.images = {"two-tags"}}), "two-tags\n");
  EXPECT_THAT(cri_.images().calls(), ElementsAre("Untag two-tags"));
  EXPECT_TRUE(cri_.images().Has("two-tags"));
  std::string id = cri_.images().IdOf("two-tags");
  EXPECT_EQ(Do(RmiOptions{.images = {id}}).value(), 0);
  EXPECT_FALSE(cri_.images().Has("two-tags")) << "by its id, with all tags";
}

TEST_F(ImageVerbs, RmiOfAnUnknownImageIsAnError) {
  Result<int> status = Do(RmiOptions{.images = {"nothing"}});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kNotFound);
  EXPECT_THAT(status.error().ToString(), HasSubstr("nothing"));
}

TEST_F(ImageVerbs, TagIsSilentAndUntagNamesWhatItDid) {
  EXPECT_EQ(Answer(TagOptions{.image = "busybox", .tag = "team/app:1"}), "");
  EXPECT_EQ(Answer(UntagOptions{.tags = {"busybox"}}), "busybox\n");
  EXPECT_THAT(cri_.images().calls(), ElementsAre("Tag busybox team/app:1", "Untag busybox"));
  EXPECT_EQ(Do(TagOptions{.image = "nothing", .tag = "a"}).error().code, Code::kNotFound);
}

TEST_F(ImageVerbs, InspectHasDockersNames) {
  auto json = nlohmann::json::parse(Answer(ImageInspectOptions{.images = {"busybox"}}));
  ASSERT_THAT(json, SizeIs(1));
  EXPECT_EQ(json[0]["RepoTags"][0], "docker.io/library/busybox:latest");
  EXPECT_EQ(json[0]["Config"]["Cmd"][0], "sh");
  EXPECT_EQ(json[0]["RootFS"]["Layers"][0], "sha256:1");
  EXPECT_EQ(json[0]["Manifest"]["schemaVersion"], 2);
}

TEST_F(ImageVerbs, InspectPrintsWhatItFindsAndReportsTheRest) {
  CapturedConsole console;
  Session session{daemon_, console.console(), interrupt_};
  Result<int> status = Perform(session, ImageInspectOptions{.images = {"nothing", "busybox", "noone"}});
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().ToString(), HasSubstr("noone"));
  EXPECT_THAT(console.Err(), HasSubstr("nothing"));
  EXPECT_THAT(nlohmann::json::parse(console.Out()), SizeIs(1));
}

TEST_F(ImageVerbs, HistoryIsNewestFirst) {
  std::string history = Answer(ImageHistoryOptions{.image = "busybox"});
  EXPECT_THAT(history, HasSubstr("100000000000   -                      ENV xxx"));
  EXPECT_THAT(history, HasSubstr("<missing>      2024-05-01T00:00:00Z   ADD rootfs.tar /"));
  EXPECT_LT(history.find("ENV"), history.find("ADD"));
  EXPECT_THAT(history, HasSubstr("xxx..."));
  EXPECT_THAT(Answer(ImageHistoryOptions{.image = "busybox", .no_trunc = true}),
              HasSubstr(std::string(100, 'x')));
}

TEST_F(ImageVerbs, PruneAsksOrIsForced) {
  Result<int> nobody = Do(ImagePruneOptions{.all = true});
  ASSERT_FALSE(nobody);
  EXPECT_THAT(nobody.error().ToString(), HasSubstr("--force"));
  EXPECT_THAT(cri_.images().calls(), IsEmpty());
  EXPECT_THAT(Answer(ImagePruneOptions{.all = true, .force = true}),
              AllOf(HasSubstr("untagged: docker.io/library/busybox:latest\n"),
                    EndsWith("Total reclaimed space: 4.2 MB\n")));
  EXPECT_THAT(cri_.images().names(), IsEmpty());
}

TEST_F(ImageVerbs, ADryRunOfPruneRemovesNothingAndAsksNothing) {
  EXPECT_THAT(Answer(ImagePruneOptions{.dry_run = true}), EndsWith("Reclaimable space: 4.2 MB\n"));
  EXPECT_THAT(cri_.images().calls(), ElementsAre("Prune dry"));
  EXPECT_THAT(cri_.images().names(), SizeIs(1));
}

TEST_F(ImageVerbs, SystemDfIsDockersTable) {
  EXPECT_EQ(Answer(SystemDfOptions{}),
            "TYPE            TOTAL   ACTIVE   SIZE      RECLAIMABLE\n"
            "Images          5       2        16.4 MB   11.6 MB (70%)\n"
            "Containers      1       0        0 B       0 B\n"
            "Local Volumes   3       1        4.0 MB    1.0 MB (25%)\n"
            "Blobs           3       1        2.0 MB    1.5 MB (75%)\n"
            "Unfinished      2       1        4.0 MB    3.0 MB (75%)\n");
  EXPECT_THAT(Answer(SystemDfOptions{.verbose = true}), HasSubstr("4.0 MB        213.0 kB"));
  auto json = nlohmann::json::parse(Answer(SystemDfOptions{}, OutputFormat::kJson));
  EXPECT_EQ(json["images"]["reclaimableBytes"], 11'630'000);
  EXPECT_EQ(json["blobs"]["bytes"], 2'000'000);
  EXPECT_EQ(json["volumes"]["reclaimableBytes"], 1'000'000);
  EXPECT_EQ(json["unfinished"]["reclaimableBytes"], 3'000'000);
}

TEST_F(ImageVerbs, LoginStoresOnlyWhatTheRegistryAccepts) {
  Result<int> refused = Do(Login("wrong"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnauthenticated);
  EXPECT_FALSE(std::filesystem::exists(docker_config()));
  EXPECT_EQ(Answer(Login("secret")), "Login Succeeded\n");
  auto json = nlohmann::json::parse(ReadFile(docker_config() + "/config.json").value());
  EXPECT_EQ(json["auths"]["private.test"]["auth"], "dXNlcjpzZWNyZXQ=");
}

TEST_F(ImageVerbs, LoginReadsThePasswordFromItsInput) {
  console_.SetInput("secret\n");
  LoginOptions options{.server = "https://private.test/v2/", .username = "user", .password_stdin = true};
  EXPECT_EQ(Do(options).value(), 0);
  EXPECT_THAT(console_.Out() + console_.Err(), Not(HasSubstr("secret")));
  EXPECT_THAT(cri_.images().calls(), ElementsAre("CheckCredentials private.test user"));
}

TEST_F(ImageVerbs, LoginWithoutATerminalHasToBeToldEverything) {
  EXPECT_THAT(Do(LoginOptions{.server = "private.test", .username = "user"}).error().ToString(),
              HasSubstr("--password-stdin"));
  EXPECT_EQ(Do(LoginOptions{.username = "", .password_stdin = true}).error().code, Code::kInvalidArgument);
  LoginOptions both = Login("secret");
  both.password_stdin = true;
  EXPECT_EQ(Do(both).error().code, Code::kInvalidArgument);
  EXPECT_EQ(Do(LoginOptions{.username = "a:b", .password = "secret"}).error().code, Code::kInvalidArgument);
  EXPECT_THAT(cri_.images().calls(), IsEmpty());
}

TEST_F(ImageVerbs, LogoutForgets) {
  EXPECT_EQ(Do(Login("secret")).value(), 0);
  EXPECT_EQ(Answer(LogoutOptions{.server = "private.test"}), "Removing login credentials for private.test\n");
  EXPECT_EQ(Answer(LogoutOptions{.server = "private.test"}), "Not logged in to private.test\n");
  EXPECT_FALSE(Do(PullOptions{.image = "private.test/app"}));
}

TEST_F(ImageVerbs, AConfigurationThatCannotBeReadIsNamed) {
  WriteConfig("{");
  Result<int> status = Do(PullOptions{.image = "alpine"});
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().ToString(), HasSubstr(docker_config() + "/config.json"));
}

}  // namespace
}  // namespace davit::cli
