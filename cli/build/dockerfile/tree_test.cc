// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/build/dockerfile/tree.h"

#include <gmock/gmock.h>

#include "cli/build/dockerfile/testing/reading.h"

namespace davit::cli::dockerfile {
namespace {

using testing::ElementsAre;

Tree TreeOf(std::string_view text) {
  Parsed<Tree> tree = ReadTree(text);
  EXPECT_TRUE(tree) << tree.error().ToString();
  return tree.value_or(Tree());
}

TEST(Lines, AreJoinedAtTheEscapeCharacter) {
  EXPECT_EQ(DumpOf("RUN a \\\n b\\  \n  c\n"), "(run \"a  b  c\")\n");
  EXPECT_EQ(DumpOf("RUN a \\\\\nRUN b"), "(run \"a \\\\\\\\\")\n(run \"b\")\n") << "two are an escaped one";
  EXPECT_EQ(DumpOf("RUN a \\"), "(run \"a\")\n") << "at the end of the file";
  EXPECT_EQ(DumpOf("\\\nRUN a"), "(run \"a\")\n") << "alone on its line";
}

TEST(Lines, OfCommentsInInstructionsVanish) {
  EXPECT_EQ(DumpOf("RUN a \\\n# one\n  # two\n b"), "(run \"a  b\")\n");
  EXPECT_EQ(DumpOf("  # one\nRUN a # b"), "(run \"a # b\")\n");
}

TEST(Lines, ThatAreEmptyInAnInstructionAreNoted) {
  Tree tree = TreeOf("RUN a \\\n\n \t\n b");
  EXPECT_EQ(Dump(tree), "(run \"a  b\")\n");
  EXPECT_THAT(tree.empty_continuations, ElementsAre(Place{2, 1}, Place{3, 1}));
}

TEST(Lines, MayHaveAByteOrderMarkAndCarriageReturns) {
  EXPECT_EQ(DumpOf("\xEF\xBB\xBF"
                   "FROM a\r\nRUN b \\\r\n c\r\n"),
            "(from \"a\")\n(run \"b  c\")\n");
}

TEST(Lines, AreCountedWithTheirContinuations) {
  Tree tree = TreeOf("# x\nFROM a\n\nRUN <<E\nb\nE\nRUN c \\\n d");
  ASSERT_EQ(tree.instructions.size(), 3u);
  EXPECT_EQ(tree.instructions[1].first_line, 4);
  EXPECT_EQ(tree.instructions[1].last_line, 6);
  EXPECT_EQ(tree.instructions[2].first_line, 7);
  EXPECT_EQ(tree.instructions[2].last_line, 8);
}

TEST(Places, OfWordsAreThoseInTheFile) {
  Tree tree = TreeOf("FROM scratch\n  COPY --from=x a \\\n# c\n   b \\\n c");
  const Node& copy = tree.instructions[1];
  EXPECT_EQ(copy.name.place, (Place{2, 3}));
  EXPECT_EQ(copy.flags[0].place, (Place{2, 8}));
  EXPECT_EQ(copy.arguments[0].place, (Place{2, 17}));
  EXPECT_EQ(copy.arguments[1].place, (Place{4, 4}));
  EXPECT_EQ(copy.arguments[2].place, (Place{5, 2}));
}

TEST(Places, OfAJsonArrayAreThoseOfItsTexts) {
  Tree tree = TreeOf("CMD [ \"a\\\"b\" ,\\\n  \"c\" ]");
  EXPECT_EQ(TextsOf(tree.instructions[0].arguments), (std::vector<std::string>{"a\"b", "c"}));
  EXPECT_EQ(tree.instructions[0].arguments[0].place, (Place{1, 7}));
  EXPECT_EQ(tree.instructions[0].arguments[1].place, (Place{2, 3}));
}

TEST(Directives, SetTheEscapeCharacter) {
  EXPECT_EQ(DumpOf("# EscapE = `\nRUN a `\n b \\\n"), "(run \"a  b \\\\\")\n");
  EXPECT_EQ(DumpOf("# a comment\n# escape=`\nRUN a `\nRUN b"), "(run \"a `\")\n(run \"b\")\n") << "too late";
  EXPECT_EQ(DumpOf("#!/bin/x\n# escape=`\nRUN a `\nRUN b"), "(run \"a `\")\n(run \"b\")\n");
}

TEST(Directives, MayNameTheFrontendThatIsBuiltIn) {
  for (const char* frontend :
       {"docker/dockerfile:1", "docker.io/docker/dockerfile:1.7-labs", "docker/dockerfile@sha256:0"}) {
    Tree tree = TreeOf("# syntax=" + std::string(frontend) + "\nFROM a");
    EXPECT_EQ(tree.directives.syntax()->text, frontend);
  }
  EXPECT_EQ(DumpOf("# syntax = example/buildpack:2\nFROM a"),
            "f:1:12: error: the frontend example/buildpack:2 cannot be used: only docker/dockerfile, which "
            "is built in");
  EXPECT_EQ(DumpOf("#!/bin/x\n#syntax=other\nFROM a"),
            "f:2:9: error: the frontend other cannot be used: only docker/dockerfile, which is built in");
}

TEST(Directives, AreRefusedTwiceAndWithWrongValues) {
  EXPECT_EQ(DumpOf("# escape=`\n# escape=\\\nFROM a"),
            "f:2:10: error: only one escape parser directive can be used");
  EXPECT_EQ(DumpOf("# escape=x\nFROM a"), "f:1:10: error: invalid escape token 'x': expected ` or \\");
}

TEST(Heredocs, FollowTheirInstruction) {
  Tree tree = TreeOf("RUN <<A 3<<-\"B\" cat\n$x\nA\n\tone\n\t\ttwo\r\n\tB\nRUN c");
  const std::vector<Heredoc>& heredocs = tree.instructions[0].heredocs;
  ASSERT_EQ(heredocs.size(), 2u);
  EXPECT_EQ(heredocs[0].name, "A");
  EXPECT_EQ(heredocs[0].content, "$x\n");
  EXPECT_TRUE(heredocs[0].expands);
  EXPECT_EQ(heredocs[0].place, (Place{2, 1}));
  EXPECT_EQ(heredocs[1].name, "B");
  EXPECT_EQ(heredocs[1].descriptor, 3u);
  EXPECT_FALSE(heredocs[1].expands);
  EXPECT_EQ(heredocs[1].content, "\tone\n\t\ttwo\r\n");
  EXPECT_EQ(heredocs[1].Content(), "one\ntwo\r\n");
  EXPECT_EQ(tree.instructions.size(), 2u);
}

TEST(Heredocs, AreOnlyInRunCopyAndAdd) {
  EXPECT_EQ(DumpOf("ONBUILD COPY <<A /x\ntext\nA\nENV x <<A"),
            "(onbuild (copy \"<<A\" \"/x\"))\n(env \"x\" \"<<A\" \"\")\n");
  EXPECT_EQ(DumpOf("RUN [\"<<A\"]\nRUN b"), "(run \"<<A\")\n(run \"b\")\n");
  EXPECT_EQ(DumpOf("RUN echo '<<A\nRUN b"), "(run \"echo '<<A\")\n(run \"b\")\n") << "quotes of a shell's";
  EXPECT_EQ(DumpOf("RUN cat <<<word\nRUN x << A\nb\nA"), "(run \"cat <<<word\")\n(run \"x << A\")\n");
}

TEST(Heredocs, NeedTheirEnd) {
  EXPECT_EQ(DumpOf("FROM a\nCOPY <<A /x\nA \n"), "f:2:1: error: unterminated heredoc: no line \"A\" follows");
}

TEST(Instructions, HaveWordsOfTheirOwnKind) {
  EXPECT_EQ(DumpOf("env a=1 b='x y' c"), "f:1:17: error: cannot find = in \"c\": expected name=value");
  EXPECT_EQ(DumpOf("env a=1 b='x y'"), "(env \"a\" \"1\" \"=\" \"b\" \"'x y'\" \"=\")\n");
  EXPECT_EQ(DumpOf("LABEL a b=c  d"), "(label \"a\" \"b=c  d\" \"\")\n");
  EXPECT_EQ(DumpOf("COPY a  b\tc"), "(copy \"a\" \"b\" \"c\")\n");
  EXPECT_EQ(DumpOf("COPY [ \"a b\", \"c\" ]"), "(copy \"a b\" \"c\")\n");
  EXPECT_EQ(DumpOf("CMD ['a']"), "(cmd \"['a']\")\n") << "JSON has double quotes";
  EXPECT_EQ(DumpOf("CMD [\"a\", 1]"),
            "f:1:5: error: when using JSON array syntax, arrays must be comprised of strings only");
  EXPECT_EQ(DumpOf("ONBUILD HEALTHCHECK --retries=1 CMD [\"a\"]"),
            "(onbuild (healthcheck [\"--retries=1\"] \"CMD\" \"a\"))\n");
  EXPECT_EQ(DumpOf("USER a b  "), "(user \"a b\")\n");
  EXPECT_EQ(DumpOf("WHAT a"), "(what \"\")\n");
}

TEST(Instructions, MustBeThere) {
  EXPECT_EQ(DumpOf(""), "f: error: file with no instructions");
  EXPECT_EQ(DumpOf("# a\n\n"), "f: error: file with no instructions");
}

}  // namespace
}  // namespace davit::cli::dockerfile
