// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/layer_tree.h"

#include <gtest/gtest.h>

namespace davit::cli {
namespace {

// Layers are named by one letter each.
::davit::v1::Image Image(char id, const std::string& tag, const std::string& layers) {
  ::davit::v1::Image image;
  image.set_id("sha256:" + std::string(64, id));
  if (!tag.empty()) image.add_tags(tag);
  for (char letter : layers) {
    auto* layer = image.add_layers();
    layer->set_chain_id("sha256:" + std::string(64, letter));
    layer->set_disk_bytes(static_cast<uint64_t>(letter - 'a' + 1) * 1000);
  }
  return image;
}

TEST(LayerTreeTest, BranchesWhereLayersAreShared) {
  EXPECT_EQ(LayerTree({Image('1', "app:1", "abc"), Image('2', "app:2", "abde"), Image('3', "", "ab"),
                       Image('4', "other:1", "f")}),
            "aaaaaaaaaaaa  1.0 kB\n"
            "bbbbbbbbbbbb  2.0 kB  333333333333\n"
            "├─ cccccccccccc  3.0 kB  app:1 (111111111111)\n"
            "└─ dddddddddddd  4.0 kB\n"
            "   eeeeeeeeeeee  5.0 kB  app:2 (222222222222)\n"
            "\n"
            "ffffffffffff  6.0 kB  other:1 (444444444444)\n");
}

TEST(LayerTreeTest, ImagesOverTheSameLayersAreOnOneLine) {
  EXPECT_EQ(LayerTree({Image('1', "a:1", "a"), Image('2', "b:1", "a")}),
            "aaaaaaaaaaaa  1.0 kB  a:1 (111111111111), b:1 (222222222222)\n");
}

TEST(LayerTreeTest, ShowsNothingOfNothing) {
  EXPECT_EQ(LayerTree({}), "");
  EXPECT_EQ(LayerTree({Image('1', "empty:1", "")}), "(no layers)  empty:1 (111111111111)\n");
}

TEST(LayerTreeTest, LeavesTheTerminalAlone) {
  EXPECT_EQ(LayerTree({Image('1', "a\x1b[2J", "a")}).find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace davit::cli
