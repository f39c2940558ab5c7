// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {PoseidonT2} from "../src/PoseidonT2.sol";
import {PoseidonT6} from "../src/PoseidonT6.sol";
import {Harness} from "./Harness.sol";

contract PoseidonTest is Harness {
    function test_hashes_of_one_input_are_the_circuits() public {
        string memory json = vectors("poseidon.json");
        uint256[] memory inputs = vm.parseJsonUintArray(json, ".one.inputs");
        uint256[] memory digests = vm.parseJsonUintArray(json, ".one.digests");
        PoseidonT2 hasher = new PoseidonT2();
        equal(inputs.length, digests.length);
        for (uint256 i = 0; i < digests.length; ++i) {
            equal(hasher.hash([inputs[i]]), digests[i]);
        }
    }

    function test_hashes_of_five_inputs_are_the_circuits() public {
        string memory json = vectors("poseidon.json");
        uint256[] memory inputs = vm.parseJsonUintArray(json, ".five.inputs");
        uint256[] memory digests = vm.parseJsonUintArray(json, ".five.digests");
        PoseidonT6 hasher = new PoseidonT6();
        equal(inputs.length, 5 * digests.length);
        for (uint256 i = 0; i < digests.length; ++i) {
            uint256[5] memory five;
            for (uint256 j = 0; j < 5; ++j) {
                five[j] = inputs[5 * i + j];
            }
            equal(hasher.hash(five), digests[i]);
        }
    }
}
