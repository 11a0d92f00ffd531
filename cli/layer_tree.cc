// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/layer_tree.h"

#include <map>

#include "cli/text.h"

namespace davit::cli {
namespace {

struct Node {
  uint64_t bytes = 0;
  std::vector<std::string> tops;              // names of images whose top layer this is
  std::map<std::string, Node> children = {};  // by chain ID
};

std::string NamesOf(const ::davit::v1::Image& image) {
  std::string names;
  for (const std::string& tag : image.tags()) names += (names.empty() ? "" : ", ") + tag;
  std::string id = ShortId(image.id());
  std::string name = names.empty() ? id : names + " (" + id + ")";
  return image.incomplete() ? name + " (incomplete)" : name;
}

void Add(const ::davit::v1::Image& image, Node& root) {
  Node* node = &root;
  for (const ::davit::v1::ImageLayer& layer : image.layers()) {
    node = &node->children[layer.chain_id()];
    node->bytes = layer.disk_bytes();
  }
  node->tops.push_back(NamesOf(image));
}

std::string LineOf(const std::string& chain_id, const Node& node) {
  std::string line = ShortId(chain_id) + "  " + SizeText(node.bytes);
  for (size_t i = 0; i < node.tops.size(); ++i) line += (i == 0 ? "  " : ", ") + node.tops[i];
  return Printable(line);
}

// Goes up from `node` while there is one way only. Recurses per branch, of which there are as many as images
// at most.
void Print(const Node& node, const std::string& indent, std::string& text) {
  const Node* at = &node;
  while (at->children.size() == 1) {
    const auto& [chain_id, child] = *at->children.begin();
    text += indent + LineOf(chain_id, child) + "\n";
    at = &child;
  }
  size_t left = at->children.size();
  for (const auto& [chain_id, child] : at->children) {
    bool last = --left == 0;
    text += indent + (last ? "└─ " : "├─ ") + LineOf(chain_id, child) + "\n";
    Print(child, indent + (last ? "   " : "│  "), text);
  }
}

}  // namespace

std::string LayerTree(const std::vector<::davit::v1::Image>& images) {
  Node root;
  for (const ::davit::v1::Image& image : images) Add(image, root);
  std::string text;
  for (const std::string& without_layers : root.tops)
    text += "(no layers)  " + Printable(without_layers) + "\n";
  for (const auto& [chain_id, child] : root.children) {
    if (!text.empty()) text += "\n";
    text += LineOf(chain_id, child) + "\n";
    Print(child, "", text);
  }
  return text;
}

}  // namespace davit::cli
