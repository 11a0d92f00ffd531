// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/build/dockerfile/mount.h"

#include <gmock/gmock.h>

namespace davit::cli::dockerfile {
namespace {

using testing::HasSubstr;

Parsed<Mount> Parse(const std::string& text) {
  return ParseMount({text, {2, 5}}, [](const Token& value) -> Parsed<std::string> {
    return value.text == "$target" ? "/target" : value.text;
  });
}

Mount Read(const std::string& text) {
  Parsed<Mount> mount = Parse(text);
  EXPECT_TRUE(mount) << text << ": " << mount.error().ToString();
  return mount.value_or(Mount());
}

TEST(Mounts, AreBoundReadOnlyByDefault) {
  Mount mount = Read("target=$target,source=src,from=build");
  EXPECT_EQ(mount.kind, Mount::Kind::kBind);
  EXPECT_TRUE(mount.read_only);
  EXPECT_EQ(mount.target, "/target");
  EXPECT_EQ(mount.source, "src");
  EXPECT_EQ(mount.from.text, "build");
  EXPECT_FALSE(Read("dst=/x,rw").read_only);
  EXPECT_FALSE(Read("destination=/x,ro=false").read_only);
  EXPECT_TRUE(Read("target=/x,readwrite=0").read_only);
}

TEST(Mounts, OfCachesAreSharedAndWritable) {
  Mount mount = Read("TYPE=Cache,target=/c,id=x,sharing=locked,mode=0700,uid=1,gid=2");
  EXPECT_EQ(mount.kind, Mount::Kind::kCache);
  EXPECT_FALSE(mount.read_only);
  EXPECT_EQ(mount.id, "x");
  EXPECT_EQ(mount.sharing, Mount::Sharing::kLocked);
  EXPECT_EQ(mount.mode, 0700u);
  EXPECT_EQ(mount.uid, 1u);
  EXPECT_EQ(mount.gid, 2u);
  EXPECT_TRUE(Read("type=cache,target=/c,ro").read_only);
  EXPECT_EQ(Read("type=cache,target=/c").sharing, Mount::Sharing::kShared);
}

TEST(Mounts, OfSecretsHaveAnIdOrASource) {
  Mount mount = Read("type=secret,id=key,env=KEY,required");
  EXPECT_EQ(mount.kind, Mount::Kind::kSecret);
  EXPECT_TRUE(mount.required);
  EXPECT_EQ(mount.variable, "KEY");
  EXPECT_TRUE(mount.target.empty());
  EXPECT_FALSE(Read("type=secret,id=key,required=f").required);
}

TEST(Mounts, OfTmpfsHaveASize) {
  EXPECT_EQ(Read("type=tmpfs,target=/t,size=64m").size_limit, 64 << 20);
  EXPECT_FALSE(Read("type=tmpfs,target=/t").read_only);
}

struct Wrong {
  std::string text;
  std::string problem;
};

TEST(Mounts, AreRefusedWithTheReason) {
  const Wrong wrongs[] = {
      {"type=ssh", "--mount=type=ssh is not supported"},
      {"type=bnd,target=/x", "unsupported mount type \"bnd\" (did you mean bind?)"},
      {"type=cache,tagret=/x", "unexpected key 'tagret' in --mount (did you mean target?)"},
      {"target", "invalid field 'target' must be a key=value pair"},
      {"type=cache,target=/x,sharing=lock", "unsupported sharing value \"lock\" (did you mean locked?)"},
      {"target=/x,mode=0755", "unexpected key 'mode' for mount type 'bind'"},
      {"target=/x,uid=0", "unexpected key 'uid' for mount type 'bind'"},
      {"target=/x,sharing=private", "unexpected key 'sharing' for mount type 'bind'"},
      {"target=/x,size=1m", "unexpected key 'size' for mount type 'bind'"},
      {"target=/x,required", "unexpected key 'required' for mount type 'bind'"},
      {"type=cache,target=/x,mode=9", "invalid value for mode: 9"},
      {"type=tmpfs,target=/x,size=much", "invalid value for size: much"},
      {"target=/x,ro=maybe", "invalid value for ro: maybe"},
      {"type=secret", "invalid secret mount: one of id, source, target is required"},
      {"type=secret,id=a,source=b", "invalid secret mount: both source and id can't be set"},
      {"type=secret,id=a,from=b", "unexpected key 'from' for mount type 'secret'"},
      {"from=$x,target=/x", "'from' doesn't support variable expansion: define an alias stage instead"},
      {"target=\"/x", "expected key=value,... with paired quotes"},
      {"", "expected key=value,... with paired quotes"}};
  for (const Wrong& wrong : wrongs) {
    Parsed<Mount> mount = Parse(wrong.text);
    ASSERT_FALSE(mount) << wrong.text;
    EXPECT_THAT(mount.error().ToString(), HasSubstr(wrong.problem));
    EXPECT_EQ(mount.error().place, (Place{2, 5}));
  }
}

}  // namespace
}  // namespace davit::cli::dockerfile
