// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {BabyJubJub} from "../src/BabyJubJub.sol";

/// @title Keys of the prime-order subgroup: multiples of circomlib's Base8, by the affine law.
library TestKeys {
    uint256 private constant P = BabyJubJub.FIELD_MODULUS;
    uint256 private constant BASE_X = 5299619240641551281634865583518297030282874472190772894086521144482721001553;
    uint256 private constant BASE_Y = 16950150798460657717958625567821834550301663161624707787222815936182638968203;

    /// 8n times the base, and n times.
    function key(uint256 n) internal view returns (BabyJubJub.Point memory point, BabyJubJub.Point memory eighth) {
        eighth = BabyJubJub.Point(0, 1);
        BabyJubJub.Point memory power = BabyJubJub.Point(BASE_X, BASE_Y);
        for (; n != 0; n >>= 1) {
            if (n & 1 == 1) eighth = add(eighth, power);
            power = add(power, power);
        }
        point = eighth;
        for (uint256 i = 0; i < 3; ++i) {
            point = add(point, point);
        }
    }

    function add(BabyJubJub.Point memory a, BabyJubJub.Point memory b) internal view returns (BabyJubJub.Point memory) {
        uint256 xx = mulmod(a.x, b.x, P);
        uint256 yy = mulmod(a.y, b.y, P);
        uint256 cross = mulmod(168696, mulmod(xx, yy, P), P);
        uint256 x = addmod(mulmod(a.x, b.y, P), mulmod(a.y, b.x, P), P);
        uint256 y = addmod(yy, P - mulmod(168700, xx, P), P);
        return
            BabyJubJub.Point(mulmod(x, inverse(addmod(1, cross, P)), P), mulmod(y, inverse(addmod(1, P - cross, P)), P));
    }

    function inverse(uint256 x) private view returns (uint256) {
        (, bytes memory result) = address(5).staticcall(abi.encode(32, 32, 32, x, P - 2, P));
        return abi.decode(result, (uint256));
    }
}
