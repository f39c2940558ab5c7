// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {PoseidonT6} from "./PoseidonT6.sol";

/// @title The Poseidon Merkle tree over the registry's leaves: arity 5, depth 5, an empty leaf is 0.
/// @dev The base-5 digits of an index, least significant first, are its positions from the leaf level up.
/// Leaves are filled from the left, so nodes beyond the last entry are known without being read.
abstract contract RegistryTree {
    uint256 internal constant ARITY = 5;
    uint256 internal constant DEPTH = 5;

    /// @notice The most entries that the tree holds.
    uint256 public constant CAPACITY = ARITY ** DEPTH;

    uint256 private constant LEVEL_1 = CAPACITY;
    uint256 private constant LEVEL_2 = LEVEL_1 + ARITY ** 4;
    uint256 private constant LEVEL_3 = LEVEL_2 + ARITY ** 3;
    uint256 private constant LEVEL_4 = LEVEL_3 + ARITY ** 2;
    uint256 private constant NODES = LEVEL_4 + ARITY;

    // Level after level from the leaves up; the root is kept by the heir.
    uint256[NODES] private _nodes;

    uint256 private immutable EMPTY_1;
    uint256 private immutable EMPTY_2;
    uint256 private immutable EMPTY_3;
    uint256 private immutable EMPTY_4;

    /// @notice The root of the tree without entries.
    uint256 public immutable EMPTY_ROOT;

    /// @notice The hash of the tree and its leaves.
    PoseidonT6 public immutable poseidon;

    constructor(PoseidonT6 poseidon_) {
        poseidon = poseidon_;
        EMPTY_1 = _parentOfEqual(poseidon_, 0);
        EMPTY_2 = _parentOfEqual(poseidon_, EMPTY_1);
        EMPTY_3 = _parentOfEqual(poseidon_, EMPTY_2);
        EMPTY_4 = _parentOfEqual(poseidon_, EMPTY_3);
        EMPTY_ROOT = _parentOfEqual(poseidon_, EMPTY_4);
    }

    /// @dev Writes a leaf and returns the new root.
    /// @param count the number of entries, the written one included.
    function _writeLeaf(uint256 index, uint256 leaf, uint256 count) internal returns (uint256 node) {
        node = leaf;
        uint256 last = count - 1;
        for (uint256 level = 0; level < DEPTH; ++level) {
            uint256 base = _base(level);
            uint256 position = index % ARITY;
            uint256 first = index - position;
            _nodes[base + index] = node;
            uint256[ARITY] memory children;
            for (uint256 i = 0; i < ARITY; ++i) {
                if (i == position) children[i] = node;
                else if (first + i <= last) children[i] = _nodes[base + first + i];
                else children[i] = _empty(level);
            }
            node = poseidon.hash(children);
            index /= ARITY;
            last /= ARITY;
        }
    }

    function _base(uint256 level) private pure returns (uint256) {
        if (level == 0) return 0;
        if (level == 1) return LEVEL_1;
        if (level == 2) return LEVEL_2;
        return level == 3 ? LEVEL_3 : LEVEL_4;
    }

    function _empty(uint256 level) private view returns (uint256) {
        if (level == 0) return 0;
        if (level == 1) return EMPTY_1;
        if (level == 2) return EMPTY_2;
        return level == 3 ? EMPTY_3 : EMPTY_4;
    }

    function _parentOfEqual(PoseidonT6 hasher, uint256 node) private pure returns (uint256) {
        return hasher.hash([node, node, node, node, node]);
    }
}
